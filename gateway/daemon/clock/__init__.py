"""Whether the time is known to be right, and what is done when it jumps."""
