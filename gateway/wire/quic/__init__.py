"""QUIC Initial packets. Pure."""
