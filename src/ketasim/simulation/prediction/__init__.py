"""The verb `predict`: a model and an event table become a prediction at every row."""
