"""TCP and UDP connections until they are decided. Pure."""
