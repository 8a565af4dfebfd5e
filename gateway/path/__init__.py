"""Judges packets and DNS queries: connects `wire` with `policy`. Pure: no I/O, no clock. See README.md.

A *slot* is the number in the connection mark of a filtered device, or of several with the same rules. A
*class* is the number of a combination of time rules that applies to a connection of a slot.
"""
