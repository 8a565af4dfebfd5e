"""Parses and builds packets and protocol messages, and decides flows. See README.md.

Pure: no I/O, no clock, no logger.
"""
