"""Shared devices, devices handed to a child, children's PINs, and unlocking a device for an adult."""
