"""Runs a capture through the daemon's code: see engine.py."""
