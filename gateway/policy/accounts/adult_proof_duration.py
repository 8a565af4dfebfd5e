"""For how long a proof opens a device. Alone, for the web process needs nothing else of `adultproof`."""

from __future__ import annotations

from datetime import time, timedelta

HOURS = {"1h": timedelta(hours=1), "4h": timedelta(hours=4)}
MORNING = "morning"
LENGTHS = (*HOURS, MORNING)
MORNING_AT = time(6)  # tomorrow, local: as long as a visitor is one
LONGEST = timedelta(hours=31)  # from midnight until 06:00 of the next day, in the night of a longer one
LONGEST_BY_WALLET = timedelta(hours=24)  # whose proof says nothing of the home, but that an adult was there
