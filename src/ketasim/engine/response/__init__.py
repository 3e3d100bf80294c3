"""The response: which state feeds which, and the weights of a step."""
