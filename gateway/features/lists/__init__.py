"""Lists of host names: automatic updates, sealed lists (blocked for everyone), and national registers."""
