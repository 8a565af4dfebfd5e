"""Accounts of guardians and helpers, and the check of who may send a verb."""
