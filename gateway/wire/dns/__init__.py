"""DNS messages. Pure."""
