"""Extra time, pauses, tickets, warnings before something closes."""
