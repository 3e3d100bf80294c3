"""What people run: the command line."""

__all__: list[str] = []
