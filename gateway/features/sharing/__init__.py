"""Devices that several people use, PINs, devices that an adult unlocks."""
