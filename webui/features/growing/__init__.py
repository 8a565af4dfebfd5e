"""Growing up: the next age group, times that a child sets for itself, and the agreement on rules."""
