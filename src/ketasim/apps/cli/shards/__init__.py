"""Large work in shards: planned, done anywhere, gathered."""
