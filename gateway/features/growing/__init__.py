"""Growing up: the step into the next age group, limits that teenagers set themselves, and agreements."""
