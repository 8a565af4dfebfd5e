"""Parses HTTP/1 requests. Pure: no I/O, no clock, no logger."""
