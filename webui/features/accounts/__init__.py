"""Accounts: sign-in, claim, people, tokens."""
