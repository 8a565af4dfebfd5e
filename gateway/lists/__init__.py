"""Sources become one category table."""
