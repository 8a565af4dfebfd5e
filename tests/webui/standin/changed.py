"""A day on which guardians changed some of everything."""

from __future__ import annotations

from datetime import timedelta

from tests.webui.standin.household import NOW
from tests.webui.standin.living import change

CHANGES = [
    change(NOW - timedelta(minutes=4), "off", "all", None, until=NOW, undo={"do": "on"}),
    change(NOW - timedelta(minutes=5), "pause", "all", None, undo={"do": "resume", "who": "all"}),
    change(NOW - timedelta(minutes=9), "grant", "daughter", "Aruzhan", minutes=15,
           undo={"do": "revoke", "grant": 3}),
    change(NOW - timedelta(hours=2), "open", "daughter", "Aruzhan", thing="service:reddit",
           thing_name="Reddit", until=NOW + timedelta(hours=1), undo={"do": "revoke", "grant": 2}),
    change(NOW - timedelta(hours=3), "grant", "son", "Timur", minutes=30, thing="service:roblox",
           thing_name="Roblox", ended=True),
    change(NOW - timedelta(hours=4), "rules", "daughter", "Aruzhan", left_off=2,
           undo={"do": "unedit", "id": "daughter", "revision": 7, "found": 8},
           edits=[{"key": "limits/play", "before": "2h", "after": {"school": "1h", "free": "90m"}},
                  {"key": "block/example.com", "before": None, "after": True}]),
    change(NOW - timedelta(hours=5), "settings", "", None,
           edits=[{"key": "country", "before": "kz", "after": "de"}]),
]  # fmt: skip
