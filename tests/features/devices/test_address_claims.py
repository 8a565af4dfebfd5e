"""Devices that claim the gateway's addresses: problem line, audit line and event, and their limits."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gateway.features.devices.address_claims import MOST
from gateway.lan.own_addresses import AddressClaimed
from tests.features.conftest import Make
from tests.features.desk import MUMS, TABLET, Desk
from tests.features.devices.sighted import audit, sighted


@pytest.fixture
def desk(make: Make, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return sighted(make, monkeypatch)


def test_a_claim_is_one_line_with_name_and_owner_for_a_day(desk: Desk) -> None:
    claims = desk.features.address_claims
    assert claims.problems() == []
    for _ in range(5):
        desk.bus.publish(AddressClaimed(TABLET))
    (line,) = claims.problems()
    assert line.startswith(f"lan: {TABLET} ({TABLET}) of Daughter claims the gateway's address")
    assert [each for each in audit(desk) if "claimed" in each] == [f"address claimed {TABLET} qalqan"]
    assert [event for event in desk.events if event.get("what") == "address"] == [
        {"event": "status", "what": "address"}
    ]
    desk.go(timedelta(hours=23))
    desk.bus.publish(AddressClaimed(TABLET))
    desk.go(timedelta(hours=23))
    assert len(claims.problems()) == 1, "a day after the last"
    desk.go(timedelta(hours=2))
    assert claims.problems() == []


def test_invented_senders_cannot_fill_the_audit_log(desk: Desk) -> None:
    for number in range(100):
        desk.bus.publish(AddressClaimed(f"02:00:00:00:01:{number:02x}"))
    desk.bus.publish(AddressClaimed(MUMS))
    assert len(desk.features.address_claims.problems()) == MOST
    assert len([each for each in audit(desk) if "claimed" in each]) == MOST
