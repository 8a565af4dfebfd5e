"""A plugin of pytest: runs files with many tests in turn with files with few.

``-p tests.alternating --no-loadscope-reorder``. Without it, pytest-xdist begins with the files with the most
tests. In the system tests, these need the processor, and the files with few tests mostly wait: the processors
would be idle at the end.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain, zip_longest
from typing import Any

import pytest


@pytest.hookimpl(trylast=True)  # after the selection by markers
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    files: dict[str, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.nodeid.partition("::")[0], []).append(item)
    items[:] = chain.from_iterable(alternate(sorted(files.values(), key=len, reverse=True)))


def alternate(ordered: Sequence[list[Any]]) -> Iterable[list[Any]]:
    """Return the first list, the last one, the second one, the last but one, and so on."""
    half = (len(ordered) + 1) // 2
    pairs = zip_longest(ordered[:half], reversed(ordered[half:]))
    return (file for pair in pairs for file in pair if file is not None)
