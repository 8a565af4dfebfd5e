"""Reads, describes and changes the rules of a child."""
