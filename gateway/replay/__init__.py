"""Applies a profile's rules to a capture file, with the daemon's code but without a gateway."""
