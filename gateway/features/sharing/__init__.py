"""Devices that several people use, children's PINs, and devices that an adult's proof unfilters."""
