"""Claims: each published number beside what is predicted, and whether it is met."""
