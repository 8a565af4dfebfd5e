"""What becomes of a newcomer once somebody answers."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.control.protocol import Role
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from gateway.policy.accounts.people import Account
from tests.features.conftest import Make
from tests.features.desk import MUMS, TABLET, Desk
from tests.features.devices.sighted import (
    AGAIN,
    IPAD,
    SECOND,
    arrive,
    asked,
    audit,
    devices_of,
    member,
    returned,
    sighted,
)
from tests.sentences import sentence


def answer(desk: Desk, **values: object) -> dict[str, Any]:
    return desk.ask("identify", Role.WEB, mac=AGAIN, by="Mum", origin="192.168.1.7", **values)


@pytest.fixture
def desk(make: Make, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return sighted(make, monkeypatch)


@pytest.fixture
def came_back(desk: Desk) -> Desk:
    return returned(desk)


def test_again_puts_it_in_the_place_of_the_old_address(came_back: Desk) -> None:
    assert answer(came_back, answer="again")["profile"] == "daughter"
    assert devices_of(came_back, "daughter") == [AGAIN, SECOND]
    found = member(came_back, AGAIN)
    assert (found.profile.id, found.asked) == ("daughter", False)
    assert asked(came_back) == {}
    assert f"identify {AGAIN} again again Mum" in audit(came_back)[0]
    assert came_back.heard("identity")[-1]["by"] == "Mum"
    came_back.restart()
    assert asked(came_back) == {}


def test_what_came_by_another_address_keeps_its_name_and_history(came_back: Desk) -> None:
    store = came_back.store
    store.notes.name(TABLET, "Big tablet")
    store.devices.seen(AGAIN, came_back.clock.at)
    answer(came_back, answer="again")
    assert came_back.presence.here.name_of(AGAIN) == "Big tablet"
    assert TABLET in [one.address for one in store.notes.history(AGAIN)]


def test_also_keeps_the_old_one(came_back: Desk) -> None:
    answer(came_back, answer="also")
    assert devices_of(came_back, "daughter") == [TABLET, SECOND, AGAIN]


def test_not_the_same_is_a_stranger_and_stays_one(came_back: Desk) -> None:
    answer(came_back, answer="not_same")
    assert member(came_back, AGAIN).profile.id == "guest"
    assert asked(came_back)[AGAIN]["ask"] == "new"
    arrive(came_back, AGAIN, **IPAD | {"host_name": "Aruzhan-iPad-2"})
    assert asked(came_back)[AGAIN]["ask"] == "new"
    answer(came_back, profile="son")
    assert AGAIN in devices_of(came_back, "son")


@pytest.mark.parametrize(
    ("place", "profile", "filtered"),
    [
        ("visitor", "visitor", True),
        ("adult", "adult", False),
        ("home", "home", False),
        ("guest", "guest", True),
    ],
)
def test_or_a_place_that_no_file_has(came_back: Desk, place: str, profile: str, filtered: bool) -> None:
    assert answer(came_back, answer=place)["profile"] == profile
    assert (came_back.family.member_of(AGAIN) is not None) is filtered
    assert asked(came_back) == {}


def test_answers_that_are_none(came_back: Desk) -> None:
    came_back.store.people.put(Account("Mum", secret="stamp"))
    with pytest.raises(ControlError, match="choose one of: again, also"):
        answer(came_back, answer="me")
    with pytest.raises(ControlError, match=sentence(Code.NO_PROFILE)):
        answer(came_back, profile="guest")
    with pytest.raises(ControlError, match=sentence(Code.NO_QUESTION)):
        came_back.ask("identify", mac=TABLET, answer="home")
    with pytest.raises(ControlError, match=sentence(Code.NO_GUARDIAN)):
        came_back.ask("identify", Role.WEB, mac=AGAIN, answer="home", by="Aruzhan")
    assert AGAIN in asked(came_back)


def test_assign_answers_too(came_back: Desk) -> None:
    listed = {one["mac"]: one for one in came_back.ask("devices")["devices"]}
    assert listed[AGAIN]["question"]["ask"] == "again"
    assert listed[MUMS]["question"] is None
    came_back.ask("assign", mac=AGAIN, profile="daughter")
    assert asked(came_back) == {}
