"""Missing outcomes imputed as an estimand has them: at random, or as in the reference arm."""
