"""The tabs of the page, a file each."""

__all__: list[str] = []
