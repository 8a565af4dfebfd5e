"""Shows and edits rules: descriptions, edit history, undo, preview, audit log, and explanations (`why`)."""
