"""Which devices are the same, and questions about them. Pure."""
