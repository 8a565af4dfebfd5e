"""Parses and builds TLS records and hellos; parses those of DTLS. Pure: no I/O, no clock, no logger."""
