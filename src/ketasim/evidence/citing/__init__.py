"""Sources: the bibliography, their names as people cite them, BibTeX."""
