"""`make words`: the catalogues of webui/translations, made of the code."""
