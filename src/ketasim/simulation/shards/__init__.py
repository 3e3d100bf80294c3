"""A large population in shards: planned, done anywhere, put together."""
