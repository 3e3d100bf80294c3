"""Commands of the room `planning`."""
