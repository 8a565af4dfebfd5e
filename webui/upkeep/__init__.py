"""The gateway's own version, backups and support."""
