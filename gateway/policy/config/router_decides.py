"""Settings that the router's own configuration decides, for code that shows them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RouterSetting:
    file: str
    option: str  # as `uci` names it after the package: web.port
    text: str  # the value


def file_to_edit(fixed: Mapping[str, RouterSetting], key: str) -> str:
    """Return the file to edit for a key: `qalqan.yaml`, unless the router decides it."""
    setting = fixed.get(key)
    return "qalqan.yaml" if setting is None else f"{setting.file} ({setting.option})"
