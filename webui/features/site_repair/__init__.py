"""The repair of a broken site."""
