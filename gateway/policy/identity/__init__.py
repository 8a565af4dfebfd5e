"""Recognises devices by MAC address and traits, and which person uses or owns one. Pure."""
