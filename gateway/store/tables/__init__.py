"""The tables of the database, one module for each kind of stored data."""
