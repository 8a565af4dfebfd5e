"""Backs up and restores rules, devices, grants, PINs and accounts."""
