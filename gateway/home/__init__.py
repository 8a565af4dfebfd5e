"""Who is on the network."""
