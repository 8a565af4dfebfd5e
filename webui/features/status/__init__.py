"""The state of the home, of each child, of the requesting device and of the gateway."""
