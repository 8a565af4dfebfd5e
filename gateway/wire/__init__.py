"""Bytes become observations. Pure: see README.md."""
