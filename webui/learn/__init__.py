"""Long texts that are read from files on demand: explanations, first aid, the guide."""
