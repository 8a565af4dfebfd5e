"""Texts that are read on demand: explanations, first aid, the guide."""
