"""What the evidence says, arranged for pages: what is found by words, and each thing by itself."""
