"""Shows and edits rules: descriptions, edit history, undo, week view, audit log, and explanations (`why`)."""
