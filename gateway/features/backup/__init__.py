"""Backup and restore of rules, grants and accounts."""
