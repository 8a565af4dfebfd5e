"""What children ask for, and the answers."""
