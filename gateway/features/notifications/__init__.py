"""Stores which push messages each guardian receives on a phone."""
