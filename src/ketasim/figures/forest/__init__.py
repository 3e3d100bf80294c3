"""Forest plots of a meta-analysis: their rows, as SVG wide and narrow, and as a chart."""
