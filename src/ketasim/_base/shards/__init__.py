"""Large work in shards: a folder says what they are, anybody does one, and they are gathered."""
