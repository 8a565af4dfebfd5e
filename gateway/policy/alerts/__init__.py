"""Alerts about bypass methods: signs in traffic, cards for guardians, menu paths, notifications. Pure."""
