"""Notifications to channels and browsers of guardians, and to browsers of children."""
