"""`stage=train`: from pairs to a student."""
