"""Formats and translates values for the reader."""
