"""Devices on the home network: neighbours, DHCP, packet taps, leases, scan, uplink."""
