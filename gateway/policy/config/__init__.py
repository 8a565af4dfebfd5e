"""`qalqan.yaml`: everything that is not a person's rule. Pure."""
