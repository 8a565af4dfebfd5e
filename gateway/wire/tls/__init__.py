"""TLS records and hellos. Pure."""
