"""Rules of a person: model, age groups, YAML, edits. Pure."""
