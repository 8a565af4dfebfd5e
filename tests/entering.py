"""pytest's folders are root's alone; what a test runs as another user has to get into its own."""

from __future__ import annotations

from pathlib import Path


def let_others_in(folder: Path) -> None:
    """``folder`` and what is above it, as far as that was closed. Nothing else of their modes changes."""
    for one in (folder, *folder.parents):
        mode = one.stat().st_mode
        if mode & 0o005 != 0o005:
            one.chmod(mode | 0o055)
