"""The Debian package: built, looked at, installed over a copy of this machine, and booted."""
