"""pytest's folders are root's alone; what a test runs as another user has to get into its own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

OTHER = 65534  # a user without rights


def let_others_in(folder: Path) -> None:
    """``folder`` and what is above it, as far as that was closed. Nothing else of their modes changes."""
    for one in (folder, *folder.parents):
        mode = one.stat().st_mode
        if mode & 0o005 != 0o005:
            one.chmod(mode | 0o055)


@contextmanager
def as_another_user(folder: Path) -> Iterator[None]:
    """Run the block without root's rights, in this process. ``folder``: see `let_others_in`."""
    let_others_in(folder)
    os.seteuid(OTHER)
    try:
        yield
    finally:
        os.seteuid(0)
