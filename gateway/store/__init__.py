"""What changes by itself, in SQLite."""
