"""One module a table of the database."""
