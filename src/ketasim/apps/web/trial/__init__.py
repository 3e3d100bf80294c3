"""A trial on the page: its design as an address and as a form, and the work of running it."""

__all__: list[str] = []
