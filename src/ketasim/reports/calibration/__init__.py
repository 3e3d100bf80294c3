"""Reports of the calibrations."""
