"""Commands on event tables."""
