"""A family's files for tests of the daemon's parts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import yaml

Rules = Mapping[str, object]

DAUGHTER: Rules = {
    "name": "Daughter",
    "band": "10-12",
    "devices": ["02:00:00:00:00:0a", "02:00:00:00:00:1a"],
    "block": ["service:tiktok"],
    "windows": {"service:roblox": {"school": ["16:00-18:00"], "free": ["10:00-12:00", "15:00-19:00"]}},
}
SON: Rules = {"name": "Son", "band": "13-15", "devices": ["02:00:00:00:00:0b"]}
MUM: Rules = {"name": "Mum", "band": "adult", "devices": ["02:00:00:00:00:0c"]}


def write(folder: Path, profiles: Mapping[str, Rules], **settings: object) -> Path:
    """The path of the qalqan.yaml."""
    for name in ("profiles", "state", "run"):
        (folder / name).mkdir(exist_ok=True)
    for profile, rules in profiles.items():
        text = yaml.safe_dump(dict(rules), allow_unicode=True, sort_keys=False)
        (folder / "profiles" / f"{profile}.yaml").write_text(text)
    config = {
        "lan": ["lo"],
        "state": str(folder / "state"),
        "runtime": str(folder / "run"),
        "profiles": str(folder / "profiles"),
        "timezone": "Asia/Almaty",
        "country": "kz",
        "lists": {"update": "off"},
        **settings,
    }
    path = folder / "qalqan.yaml"
    path.write_text(yaml.safe_dump(config))
    return path
