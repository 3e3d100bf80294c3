"""Virtual patients drawn, solved and weighed by the scores of one patient."""
