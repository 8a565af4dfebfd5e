"""What devices say of themselves: DHCP, multicast DNS. Pure."""
