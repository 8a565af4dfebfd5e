"""Decides from rules, device, destination and time whether traffic is allowed. Pure: see README.md."""
