"""Pages that help a child, and that open on every device at any time."""
