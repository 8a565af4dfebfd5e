"""Parses, builds and changes DNS messages. Pure: no I/O, no clock, no logger."""
