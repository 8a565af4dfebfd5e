"""The family's files: read, changed, kept as they were, put back."""
