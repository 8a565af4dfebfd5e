"""The rules of three children."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.webui.standin.places import NOW

RULES: dict[str, dict[str, Any]] = {
    "daughter": {
        "id": "daughter", "name": "Aruzhan", "band": "10-12", "mode": "block-list", "log_level": 2,
        "set": {"by": "Mum", "at": NOW - timedelta(days=2)},
        "bedtime": [
            {"days": "school", "from": "20:45", "to": "07:00", "owner": "band:10-12"},
            {"days": "free", "from": "21:45", "to": "08:00", "owner": "band:10-12"},
        ],
        "windows": [
            {"target": "service:roblox", "name": "Roblox", "days": "school", "from": "16:00", "to": "18:00",
             "owner": "family"},
        ],
        "limits": [
            {"target": "play", "name": "Play and video", "days": None, "minutes": 120, "owner": "band:10-12"},
        ],
        "refused": [
            {"target": "category:adult", "name": "Adult sites", "verdict": "block", "owner": "band:10-12"},
            {
                "target": "category:gambling", "name": "Gambling", "verdict": "block", "owner": "band:10-12",
                "askable": True,
            },
            {"target": "category:social_networks", "verdict": "ask", "owner": "band:10-12"},
            {"target": "service:tiktok", "name": "TikTok", "verdict": "block", "owner": "family"},
        ],
        "allowed": [{"target": "khanacademy.org", "name": "Khan Academy", "owner": "family"}],
    },
    "son": {
        "id": "son", "name": "Timur", "band": "6-9", "mode": "allow-list", "log_level": 3, "set": None,
        "bedtime": [{"days": None, "from": "20:00", "to": "07:00", "owner": "band:6-9"}],
        "allowed": [{"target": "bilimland.kz", "name": "BilimLand", "owner": "band:6-9"}],
    },
    "teen": {"id": "teen", "name": "Dana", "band": "16-17", "mode": "block-list", "log_level": 0},
}  # fmt: skip

GUESTS: dict[str, Any] = {
    "id": "guest", "name": "Guest", "band": "10-12", "mode": "block-list", "log_level": 0,
    "refused": [
        {"target": "category:adult", "name": "Adult sites", "verdict": "block", "owner": "band:10-12"},
        {"target": "category:malware", "name": "Malware", "verdict": "block", "owner": "product"},
    ],
}  # fmt: skip
