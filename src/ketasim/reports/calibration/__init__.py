"""Reports of the calibrations."""

__all__: list[str] = []
