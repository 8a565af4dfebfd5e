"""Devices: assignment, names, changed and copied hardware addresses."""
