"""Downloads published lists of sites, and builds one table of their names and categories."""
