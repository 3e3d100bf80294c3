"""The regimen sentence: scanned into tokens, tokens into phases, phases into doses."""
