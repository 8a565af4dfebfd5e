from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.age.validity import validity

SINCE, UNTIL = datetime(2026, 1, 1, 12), datetime(2027, 1, 1, 12)
OLDER = {"not_valid_before": SINCE, "not_valid_after": UNTIL}
NEWER = {
    "not_valid_before_utc": SINCE.replace(tzinfo=UTC),
    "not_valid_after_utc": UNTIL.replace(tzinfo=UTC),
}


@pytest.mark.parametrize("dates", [OLDER, NEWER], ids=["cryptography 41", "cryptography 42"])
def test_either_way_it_is_utc(dates: Any) -> None:
    assert validity(SimpleNamespace(**dates)) == (SINCE.replace(tzinfo=UTC), UNTIL.replace(tzinfo=UTC))  # type: ignore[arg-type]
