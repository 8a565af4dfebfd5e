"""Decrypts and parses QUIC Initial packets. Pure: no I/O, no clock, no logger."""
