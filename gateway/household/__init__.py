"""The household: rule book, file history and undo, members and devices, visibility, presence, clock."""
