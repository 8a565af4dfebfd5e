"""Parses the messages in which devices describe themselves: DHCP, multicast DNS. Pure."""
