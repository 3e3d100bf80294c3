"""What an entry says of its findings: denied, doubted, of a relative, past, stopped."""
