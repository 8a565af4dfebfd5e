"""Parses and builds packets and protocol messages. Pure: no I/O, no clock, no logger. See README.md."""
