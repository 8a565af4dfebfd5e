"""YAML text → values that know their file and line, their validation, and values → YAML text. Pure."""
