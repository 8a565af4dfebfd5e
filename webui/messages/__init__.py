"""What guardians are told on their phones."""
