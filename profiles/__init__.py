"""Data: age bands, the service catalogue, categories, packs of names. Files of this package are not code."""
