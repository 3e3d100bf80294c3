"""A large trial in parts of its replicates, done anywhere in any order and put together."""
