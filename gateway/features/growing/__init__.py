"""The next age group, what teenagers set themselves, and agreements."""
