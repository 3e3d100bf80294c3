"""Numbers of SAS, of R packages and of published tables, and the same by this package."""
