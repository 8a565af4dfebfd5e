"""Decides whether TCP and UDP flows are allowed, from their packets. Pure: no I/O, no clock, no logger.

A *decoy* is a packet that an evasion tool sends only for the filter: the server never reads it.
"""
