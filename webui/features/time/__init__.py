"""Extra time, counted minutes, and printed codes."""
