"""Site repair: a guardian allows the names that a broken site needs."""
