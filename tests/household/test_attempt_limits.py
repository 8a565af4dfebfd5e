"""How many attempts at a PIN or a code are allowed before a wait."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from gateway.household import attempt_limits
from gateway.household.attempt_limits import AttemptLimit

NOW = datetime(2026, 11, 24, 14, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def test_five_attempts_in_ten_minutes_slow_down() -> None:
    limit = AttemptLimit(5)
    for number in range(5):
        assert not limit.wait("tablet", NOW + number * MINUTE)
        assert limit.add("tablet", NOW + number * MINUTE) is (number == 4)
    assert limit.wait("tablet", NOW + 4 * MINUTE) == 6 * MINUTE
    assert not limit.wait("phone", NOW + 4 * MINUTE)
    with pytest.raises(ControlError) as refused:
        limit.take("tablet", NOW + 4 * MINUTE)
    assert (refused.value.code, refused.value.values) == (Code.TRIED_TOO_OFTEN, {"minutes": 6})
    assert not limit.wait("tablet", NOW + 10 * MINUTE)
    limit.add("tablet", NOW + 10 * MINUTE)
    assert limit.wait("tablet", NOW + 10 * MINUTE) == MINUTE


def test_the_key_with_the_oldest_last_attempt_is_dropped_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempt_limits, "KEYS_LIMIT", 2)
    limit = AttemptLimit(1)
    for key in ("a", "b", "a", "c"):
        limit.add(key, NOW)
    assert [key for key in ("a", "b", "c") if limit.wait(key, NOW)] == ["a", "c"]
