"""Notifications on guardians' phones."""
