"""The daemon's help lines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from webui.language.i18n import language
from webui.values.shapes import Answer

QUIET = frozenset({"day", "nothing"})  # sightings that do not say whether the device is online now


@dataclass(frozen=True, slots=True)
class HelpLine:
    name: str
    phone: str
    text: str  # contact for messages
    web: str  # a host name
    kind: str  # one of the kinds in policy/countries.py
    confirmed: bool  # its operator has confirmed it


def parse_help_lines(values: Mapping[str, Any], key: str = "lines") -> tuple[HelpLine, ...]:
    """Parse help lines, each with its name in the reader's language if known.

    ``key``: `rights` for bodies that take complaints.
    """
    return tuple(
        entry.read(HelpLine, name=(entry.entry("names") or Answer({})).text(language()) or entry.text("name"))
        for entry in Answer(values).entries(key)
    )
