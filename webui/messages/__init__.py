"""Notifications to guardians' phones."""
