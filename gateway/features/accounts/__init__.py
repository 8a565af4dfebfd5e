"""Guardians, helpers and who may send a verb."""
