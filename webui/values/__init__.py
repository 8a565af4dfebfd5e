"""Parses answers of the daemon into typed values for the pages."""
