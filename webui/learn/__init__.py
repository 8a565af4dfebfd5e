"""Texts that are read when somebody asks for them: explanations, first aid, the guide."""
