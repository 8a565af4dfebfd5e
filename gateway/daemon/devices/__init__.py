"""Which devices are here, whose they are, and what is asked about them."""
