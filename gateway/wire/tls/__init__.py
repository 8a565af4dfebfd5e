"""Parses TLS records and hellos. Pure: no I/O, no clock, no logger."""
