"""Accounts of users: sign-in, the first guardian, roles, passwords, API tokens."""
