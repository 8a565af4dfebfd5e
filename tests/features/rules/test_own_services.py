"""A service that a family defines: it is used like every other, and not removed while rules name it."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

import pytest

from gateway.core.errors import GatewayError
from gateway.core.reason_codes import Code
from gateway.policy.values import Observation, Proto, Reason
from tests.features.conftest import Make
from tests.features.desk import NOON, TABLET, Desk

PENGUIN = {"name": "Club Penguin", "domains": ["cpjourney.net"], "ports": {"udp": ["9000-9010"]}}


def change(desk: Desk, **values: object) -> dict[str, Any]:
    changes = {f"services/{key.replace('_', '-')}": value for key, value in values.items()}
    return desk.ask("edit_family", set=changes, by="Mum")


def reason(desk: Desk, host: str) -> Reason:
    member = desk.family.member_of(TABLET)
    assert member is not None
    return desk.family.subjects[member.slot].decide(Observation(Proto.DNS, host), desk.clock.at).reason


@pytest.fixture
def desk(make: Make) -> Desk:
    desk = make(NOON)
    change(desk, club_penguin=PENGUIN)
    return desk


def test_it_is_in_the_catalogue_and_used_by_rules(desk: Desk) -> None:
    catalogue = desk.ask("catalogue")
    (own,) = [one for one in catalogue["services"] if one["group"] == "own"]
    assert (own["id"], own["name"], own["category"]) == ("club-penguin", "Club Penguin", None)
    assert {"id": "own", "name": "Your own services"} in catalogue["groups"]
    assert desk.ask("family")["services"] == {"club-penguin": PENGUIN}
    assert reason(desk, "play.cpjourney.net") is Reason.OPEN
    desk.ask("edit", id="daughter", set={"block/service:club-penguin": True}, by="Mum")
    assert reason(desk, "play.cpjourney.net") is Reason.FAMILY_BLOCK
    assert "Club Penguin" in desk.ask("why", host="play.cpjourney.net", profile="daughter")["sentence"]
    assert "club-penguin" in desk.rules.world.catalogue.services_at("udp", 9005)
    desk.restart()
    assert reason(desk, "play.cpjourney.net") is Reason.FAMILY_BLOCK
    assert not desk.rules.problems()


def test_the_child_must_ask_for_it(desk: Desk) -> None:
    desk.ask("edit", id="daughter", set={"categories/service:club-penguin": "ask"}, by="Mum")
    assert reason(desk, "play.cpjourney.net") is Reason.SERVICE
    found = desk.ask("why", host="play.cpjourney.net", profile="daughter")
    assert (found["rule"], found["owner"]) == ("service:club-penguin = ask", "family")
    asked = desk.ask("request", device=TABLET, site="play.cpjourney.net")["request"]
    assert asked["thing"] == "service:club-penguin"
    with pytest.raises(GatewayError) as refused:
        change(desk, club_penguin=None)
    assert refused.value.code == Code.SERVICE_USED
    desk.ask("edit", id="daughter", set={"categories/service:club-penguin": None}, by="Mum")
    assert reason(desk, "play.cpjourney.net") is Reason.OPEN


def test_a_change_applies_to_the_rules_that_name_it(desk: Desk) -> None:
    windows = {"free": ["10:00-11:00"], "school": ["16:00-17:00"]}
    desk.ask("edit", id="daughter", set={"windows/service:club-penguin": windows}, by="Mum")
    assert reason(desk, "play.cpjourney.net") is Reason.WINDOW
    assert reason(desk, "newpenguin.example") is Reason.OPEN
    done = change(desk, club_penguin={**PENGUIN, "domains": ["newpenguin.example"], "categories": ["games"]})
    assert reason(desk, "play.newpenguin.example") is Reason.WINDOW
    assert reason(desk, "play.cpjourney.net") is Reason.OPEN
    desk.ask("unedit_family", revision=done["undo"], by="Mum")
    assert reason(desk, "play.cpjourney.net") is Reason.WINDOW


def test_one_by_addresses_alone_owns_them(desk: Desk) -> None:
    addresses = ["45.60.1.0/24", "2606:4700:30::/48"]
    change(desk, club_penguin={"name": "Club Penguin", "addresses": addresses})
    owners = desk.rules.world.catalogue.owners_of(ip_address("45.60.1.9").packed)
    assert owners is not None
    assert owners.services == ("club-penguin",)
    assert desk.ask("family")["services"]["club-penguin"]["addresses"] == [
        "45.60.1.0/24",
        "2606:4700:30::/48",
    ]


def test_a_connection_to_its_addresses_or_port_is_its_own(desk: Desk) -> None:
    """Without a name: by address, and by a port after a query for its name."""
    member = desk.family.member_of(TABLET)
    assert member is not None
    change(desk, club_penguin={**PENGUIN, "addresses": ["45.60.1.0/24"]})
    desk.ask("edit", id="daughter", set={"block/service:club-penguin": True}, by="Mum")
    for dst, expected in ((bytes([45, 60, 1, 9]), Reason.FAMILY_BLOCK), (bytes([45, 60, 2, 9]), Reason.OPEN)):
        seen = Observation(Proto.UDP, None, dst, 9005)
        found = desk.family.subjects[member.slot].decide(seen, desk.clock.at)
        assert found.reason is expected, found


def test_its_minutes_are_limited_like_those_of_every_service(desk: Desk) -> None:
    desk.ask("edit", id="daughter", set={"limits/service:club-penguin": "30m"}, by="Mum")
    assert reason(desk, "play.cpjourney.net") is Reason.OPEN
    desk.use("daughter", **{"service:club-penguin": 30})
    assert reason(desk, "play.cpjourney.net") is Reason.OUT_OF_TIME
    assert reason(desk, "www.example.org") is Reason.OPEN
    desk.ask("grant", who="daughter", minutes=15, service="club-penguin", by="Mum")
    assert reason(desk, "play.cpjourney.net") is Reason.OPEN


def test_it_is_not_removed_while_rules_name_it(desk: Desk) -> None:
    added = desk.ask("edit", id="daughter", set={"limits/service:club-penguin": "1h"}, by="Mum")
    with pytest.raises(GatewayError) as refused:
        change(desk, club_penguin=None)
    assert refused.value.code == Code.SERVICE_USED
    assert refused.value.values == {"name": "Club Penguin", "names": "Daughter"}
    assert "club-penguin" in desk.ask("family")["services"]
    desk.ask("unedit", id="daughter", revision=added["undo"], by="Mum")
    done = change(desk, club_penguin=None)
    assert desk.ask("family")["services"] == {}
    assert reason(desk, "play.cpjourney.net") is Reason.OPEN
    desk.ask("unedit_family", revision=done["undo"], by="Mum")
    desk.ask("edit", id="daughter", set={"block/service:club-penguin": True}, by="Mum")
    assert reason(desk, "play.cpjourney.net") is Reason.FAMILY_BLOCK


def test_its_addition_is_not_undone_while_rules_name_it(make: Make) -> None:
    desk = make(NOON)
    done = change(desk, club_penguin=PENGUIN)
    desk.ask("edit", id="son", set={"block/service:club-penguin": True}, by="Mum")
    with pytest.raises(GatewayError) as refused:
        desk.ask("unedit_family", revision=done["undo"], by="Mum")
    assert (refused.value.code, refused.value.values["names"]) == (Code.SERVICE_USED, "Son")


@pytest.mark.parametrize(
    ("key", "value", "code"),
    [
        ("roblox", PENGUIN, Code.SERVICE_KNOWN),
        ("Club Penguin", PENGUIN, Code.BAD_RULE),
        ("penguin", {"name": "P"}, Code.BAD_RULE),
        ("penguin", {"name": "P", "domains": []}, Code.BAD_RULE),
        ("penguin", {"name": "P", "addresses": []}, Code.BAD_RULE),
        ("penguin", {"name": "P", "addresses": ["192.168.1.0/24"]}, Code.BAD_RULE),
        ("penguin", {"name": "P", "addresses": ["45.0.0.0/8"]}, Code.BAD_RULE),
        ("penguin", {"name": "P", "domains": ["com"]}, Code.BAD_RULE),
        ("penguin", {"name": "P", "domains": ["p.example"], "categories": ["nothing"]}, Code.BAD_RULE),
        ("penguin", {"name": "P", "domains": ["p.example"], "ports": {"udp": ["0"]}}, Code.BAD_RULE),
        ("penguin", {"name": "P", "domains": ["p.example"], "test": {"match": ["p.example"]}}, Code.BAD_RULE),
    ],
)
def test_what_no_service_can_be_is_refused(desk: Desk, key: str, value: object, code: Code) -> None:
    with pytest.raises(GatewayError) as refused:
        desk.ask("edit_family", set={f"services/{key}": value}, by="Mum")
    assert refused.value.code == code
    assert desk.ask("family")["services"] == {"club-penguin": PENGUIN}


def test_one_that_the_catalogue_gets_later_replaces_it_and_is_reported(make: Make) -> None:
    desk = make(NOON, services={"roblox": PENGUIN})
    assert desk.rules.world.catalogue.services["roblox"].name == "Club Penguin"
    (problem,) = desk.rules.problems()
    assert "'roblox' is a service of the catalogue too, which yours replaces" in problem
    desk.ask("edit_family", set={"services/roblox": None}, by="Mum")
    assert desk.rules.world.catalogue.services["roblox"].name == "Roblox"
