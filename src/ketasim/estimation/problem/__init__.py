"""What is fitted: a model and the observations of a table, own or of a model that ships."""
