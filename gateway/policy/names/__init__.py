"""Hosts, services, categories, packs, countries. Pure."""
