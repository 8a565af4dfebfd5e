"""Judges packets and DNS queries: connects `wire` with `policy`. Pure: no I/O, no clock. See README.md."""
