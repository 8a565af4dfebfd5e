"""How long an adult proof may open a device: numbers alone, for the pages hold no household."""

from __future__ import annotations

from datetime import time, timedelta

HOURS = {"1h": timedelta(hours=1), "4h": timedelta(hours=4)}
MORNING = "morning"
LENGTHS = (*HOURS, MORNING)
MORNING_AT = time(6)  # tomorrow, local: as long as a visitor is one
LONGEST = timedelta(hours=30)  # from midnight until 06:00 of the next day
LONGEST_BY_WALLET = timedelta(hours=24)  # whose proof says nothing of the home, but that an adult was there
