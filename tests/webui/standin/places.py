"""When and where the family behind the pages lives."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

NOW = datetime(2026, 11, 24, 19, 40, tzinfo=ZoneInfo("Asia/Almaty"))
TABLET, PHONE, LAPTOP = "02:00:00:00:00:0a", "02:00:00:00:00:0b", "02:00:00:00:00:0c"
GUEST, TELEVISION = "02:00:00:00:00:1a", "02:00:00:00:00:1b"
TODAY = NOW.date()
BEDTIME = NOW.replace(hour=20, minute=45)
