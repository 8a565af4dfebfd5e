"""State of the network, of each child and of the gateway."""
