"""Turns an observation into a decision, and explains it. Pure."""
