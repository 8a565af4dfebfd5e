"""Schedules, limits, grants and gates. Pure."""
