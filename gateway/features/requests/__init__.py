"""Stores children's requests for time or for a site, and applies guardians' answers."""
