"""Decides TCP and UDP flows. Pure."""
