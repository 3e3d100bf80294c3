"""Models that users bring: their declaration, the file it is read from, and ready ones."""
