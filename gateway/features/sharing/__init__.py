"""Devices that several people use, children's PINs, and devices that an adult unlocks."""
