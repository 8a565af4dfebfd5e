"""Values into a reader's words."""
