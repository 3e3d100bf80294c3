"""Pages of a session: by the minute, and its plan."""
