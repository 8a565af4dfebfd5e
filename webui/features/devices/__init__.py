"""Devices of the network, and questions about new ones."""
