"""The daughter's file as somebody wrote it by hand, for the pages about her rules."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from gateway.policy.profile import edits
from tests.webui.standin.household import Household

BY_HAND = """# Agreed at the table on Sunday.
name: Aruzhan
band: 10-12
devices: ["02:00:00:00:00:0a", "02:00:00:00:00:0b"]
categories: {social_networks: ask}
block: ["service:tiktok", bet.example]
allow: [khanacademy.org]
homework: [bilimland.kz]
limits: {"service:youtube": 1h}
windows: {"service:roblox": {school: ["16:00-18:00"], free: ["10:00-12:00", "15:00-19:00"]}}
"""


def by_hand(household: Household, text: str = BY_HAND) -> None:
    """Put in force, as at a SIGHUP."""
    household.editing.rules.reload()
    _file(household).write_text(text)
    household.editing.rules.reload()


def write(household: Household, **said: object) -> None:
    """Beside a name and a band."""
    by_hand(household, json.dumps({"name": "Aruzhan", "band": "10-12"} | said))


def said(household: Household) -> dict[str, Any]:
    """What the file says by now."""
    return dict(edits.read(_file(household).read_bytes(), "daughter.yaml"))


def _file(household: Household) -> Path:
    return household.editing.folder / "profiles" / "daughter.yaml"
