"""Ids of the family's own lists. A list that is for some children only is a category with the same id."""

from __future__ import annotations

import re

_OWN_LIST = re.compile(r"own-[0-9a-f]{8}", re.ASCII)


def is_own_list(category: str) -> bool:
    """Return True if a category's id is that of one of the family's own lists, such as ``own-12ab34cd``."""
    return _OWN_LIST.fullmatch(category) is not None
