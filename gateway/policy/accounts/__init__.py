"""Accounts, sessions, tokens, PINs, adult proofs. Pure."""
