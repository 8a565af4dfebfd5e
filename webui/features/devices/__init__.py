"""Devices of the network: owners, names, sharing, and questions about new ones."""
