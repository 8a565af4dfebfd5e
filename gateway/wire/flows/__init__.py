"""Decides whether TCP and UDP flows are allowed, from their packets. Pure: no I/O, no clock, no logger."""
