"""Stores which messages guardians and children get, and the addresses and browsers that they go to."""
