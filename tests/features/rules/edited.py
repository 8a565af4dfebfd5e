"""Edits at a desk, and what they leave."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.core.errors import GatewayError
from tests.features.desk import Desk


def edit(desk: Desk, who: str = "daughter", /, **changes: object) -> dict[str, Any]:
    """``bedtime__school=…`` is the key ``bedtime/school``."""
    return desk.ask(
        "edit", id=who, set={key.replace("__", "/"): one for key, one in changes.items()}, by="Mum"
    )


def refused(desk: Desk, do: str, **values: object) -> tuple[str, dict[str, Any]]:
    with pytest.raises(GatewayError) as caught:
        desk.ask(do, **values)
    return caught.value.code, dict(caught.value.values)


def file(desk: Desk, who: str = "daughter") -> Path:
    return desk.folder / "profiles" / f"{who}.yaml"


def says(desk: Desk, who: str = "daughter") -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(file(desk, who).read_text())
    return found


def owner(desk: Desk, mac: str) -> str:
    member = desk.family.member_of(mac)
    assert member is not None
    return member.profile.id


def audit(desk: Desk) -> list[tuple[str, str, str]]:
    return [(line.who, line.what, line.detail) for line in desk.store.audit.lines()]
