"""Models of the package as differential equations, with the numbers of their cards."""
