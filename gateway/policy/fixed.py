"""What the router's own settings decide, for those who show it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fixed:
    file: str
    option: str  # as `uci` names it behind the package: web.port
    text: str  # as it is set
