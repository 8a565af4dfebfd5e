"""How long a proof opens a device. A module of its own, because the web process needs nothing else of it."""

from __future__ import annotations

from datetime import time, timedelta

HOURS = {"1h": timedelta(hours=1), "4h": timedelta(hours=4)}
MORNING = "morning"
LENGTHS = (*HOURS, MORNING)
MORNING_AT = time(6)  # of the next day, local: a guest stays until then
LONGEST = timedelta(hours=31)  # from midnight until 06:00 of the next day, in the night of a clock change
# A wallet proof says nothing about this household, only that an adult was there.
LONGEST_BY_WALLET = timedelta(hours=24)
