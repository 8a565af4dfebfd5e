"""What a release publishes, and reviews that a release needs besides tests."""
