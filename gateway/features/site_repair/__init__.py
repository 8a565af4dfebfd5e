"""Fixes broken sites: opens the blocked hosts that a site needs for minutes, and lists them for guardians."""
