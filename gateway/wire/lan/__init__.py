"""Parses the messages in which devices describe themselves: DHCP, multicast DNS, ARP, neighbour discovery.

Pure: no I/O, no clock, no logger.
"""
