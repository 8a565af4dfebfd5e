"""From an observation to a decision, and its explanation. Pure."""
