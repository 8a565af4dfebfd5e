"""Opens what a broken site needs for some minutes."""
