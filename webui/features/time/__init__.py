"""Pauses, extra time, counted minutes, and codes on paper."""
