"""Rules: descriptions, edits, changes and undo, preview, `why`."""
