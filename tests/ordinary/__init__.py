"""Ordinary traffic: what has to go on working, in the bands where it should."""
