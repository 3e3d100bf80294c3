"""From the block of receptors to mood, over a course."""
