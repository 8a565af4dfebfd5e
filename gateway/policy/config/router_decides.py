"""What the router's own settings decide, for those who show it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fixed:
    file: str
    option: str  # as `uci` names it behind the package: web.port
    text: str  # as it is set


def said_in(fixed: Mapping[str, Fixed], key: str) -> str:
    """Where a key is to be mended: `qalqan.yaml`, unless the router decides it."""
    one = fixed.get(key)
    return "qalqan.yaml" if one is None else f"{one.file} ({one.option})"
