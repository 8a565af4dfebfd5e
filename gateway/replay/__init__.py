"""A capture goes through the code of the daemon: see engine.py."""
