"""YAML text to located values: each knows its file and line. Pure."""
