"""`device_mark`: a device that has no mobile data is led to the page by its probes."""

from __future__ import annotations

import pytest

from gateway.control.protocol import Role
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from gateway.policy.accounts.people import Account
from gateway.policy.values import Observation, Proto, Reason
from tests.features.conftest import Make, at
from tests.features.desk import PHONE, TABLET, Desk
from tests.sentences import sentence

NIGHT = "2026-11-24T21:30"


def probe(desk: Desk, mac: str) -> Reason:
    member = desk.family.member_of(mac)
    assert member is not None
    return member.decide(Observation(Proto.HTTP, "captive.apple.com"), desk.clock.now()).reason


def test_its_probes_lead_to_the_page_from_the_tap_on_and_no_longer_than_that(make: Make) -> None:
    desk = make(NIGHT)
    assert (probe(desk, TABLET), probe(desk, PHONE)) == (Reason.DEVICE_NEEDS, Reason.DEVICE_NEEDS)
    rejudged = desk.gates.rejudged
    desk.store.people.put(Account("Mum", secret="stamp"))
    answer = desk.ask("device_mark", Role.WEB, mac=TABLET.upper(), no_mobile_data=True, by="Mum")
    assert answer == {"mac": TABLET, "no_mobile_data": True}
    assert (probe(desk, TABLET), probe(desk, PHONE)) == (Reason.BEDTIME, Reason.DEVICE_NEEDS)
    assert desk.gates.rejudged == rejudged + 1, "connections that are open know it too"
    desk.restart()
    desk.reassign()
    assert probe(desk, TABLET) is Reason.BEDTIME
    found = {one["mac"]: one["no_mobile_data"] for one in desk.ask("devices")["devices"]}
    assert (found[TABLET], found[PHONE]) == (True, False)
    desk.ask("device_mark", mac=TABLET, no_mobile_data=False, by="Mum")
    assert probe(desk, TABLET) is Reason.DEVICE_NEEDS


def test_a_device_that_is_forgotten_has_no_mark(make: Make) -> None:
    desk = make(NIGHT)
    stranger = "02:00:00:00:00:99"
    desk.store.devices.seen(stranger, at(NIGHT))
    desk.ask("device_mark", mac=stranger, no_mobile_data=True, by="Mum")
    desk.ask("forget", mac=stranger)
    assert desk.store.marks.no_mobile_data == frozenset()


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"mac": "tablet", "no_mobile_data": True, "by": "Mum"}, "is no MAC address"),
        ({"mac": TABLET, "no_mobile_data": "yes", "by": "Mum"}, "must be true or false"),
        ({"mac": TABLET, "no_mobile_data": True, "by": "Timur"}, sentence(Code.NO_GUARDIAN)),
    ],
)
def test_what_is_no_mark_is_refused(make: Make, values: dict[str, object], said: str) -> None:
    desk = make(NIGHT)
    desk.store.people.put(Account("Mum", secret="stamp"))
    with pytest.raises(ControlError, match=said):
        desk.ask("device_mark", Role.WEB, **values)
    assert desk.store.marks.no_mobile_data == frozenset()
