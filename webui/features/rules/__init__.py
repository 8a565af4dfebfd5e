"""Pages and API operations of the rules."""
