"""Parses HTTP/1 and HTTP/2 requests. Pure: no I/O, no clock, no logger."""
