"""`country`: marks, laws and places to complain of the home's country; a law that an edit turns on."""

from __future__ import annotations

import pytest

from gateway.control.protocol import Role
from gateway.core.errors import PolicyError
from gateway.policy.accounts.people import Account
from gateway.policy.values import Observation, Proto, Reason
from tests.features.conftest import Make
from tests.features.desk import TABLET, Desk

AU = "au-under-16-social"
NOON = "2026-11-24T12:00"


def decided(desk: Desk, host: str) -> tuple[Reason, str]:
    member = desk.family.member_of(TABLET)
    assert member is not None
    found = member.decide(Observation(Proto.DNS, host, qtype=1, dport=53), desk.clock.now())
    return found.reason, found.owner


def test_a_home_in_kazakhstan_is_told_what_its_file_has(make: Make) -> None:
    desk = make(NOON)
    desk.store.people.put(Account("Mum", secret="stamp"))
    desk.ask("edit_family", Role.WEB, set={"country": "kz"}, by="Mum")
    told = desk.ask("country", Role.WEB)
    assert told["code"] == "kz"
    assert [(one["name"], one["marks"]["10-12"]) for one in told["ratings"]] == [
        ("Law 169-VI", {"mark": "6+", "then": "12+", "from": 12})
    ]
    assert desk.ask("helplines", Role.WEB)["rights"][0]["web"] == "ombudsman.kz"
    assert [(one["id"], one["status"], one["since"]) for one in told["laws"]] == [
        ("kz-under-16-social", "bill", "")
    ]
    assert {child["on"] for child in told["laws"][0]["children"]} == {False}


def test_without_a_country_there_is_nothing_to_tell(make: Make) -> None:
    desk = make(NOON)
    desk.store.people.put(Account("Mum", secret="stamp"))
    desk.ask("edit_family", Role.WEB, set={"country": None}, by="Mum")
    assert desk.ask("country") == {"code": "", "ratings": [], "laws": []}


def test_a_law_that_a_guardian_turns_on_refuses_in_her_name_and_is_undone(make: Make) -> None:
    desk = make(NOON)
    desk.store.people.put(Account("Mum", secret="stamp"))
    before = decided(desk, "www.reddit.com")
    assert before[0] is not Reason.LAW
    done = desk.ask("edit", Role.WEB, id="daughter", set={f"laws/{AU}": "Dad"}, by="Mum")
    assert decided(desk, "www.reddit.com") == (Reason.LAW, "guardian:Mum"), "whoever else was named"
    assert desk.ask("rules", id="daughter")["own"]["laws"] == {AU: "Mum"}
    laws = {one["id"]: one for one in desk.ask("country")["laws"]}
    assert {child["id"]: child["on"] for child in laws[AU]["children"]}["daughter"] is True
    audit = desk.ask("audit_log")["lines"][0]
    assert (audit["who"], audit["what"]) == ("Mum", "edit")
    assert AU in audit["detail"]
    desk.ask("unedit", id="daughter", revision=done["undo"], by="Mum")
    assert decided(desk, "www.reddit.com") == before


def test_a_law_that_is_none_is_refused(make: Make) -> None:
    desk = make(NOON)
    desk.store.people.put(Account("Mum", secret="stamp"))
    with pytest.raises(PolicyError, match="is no law"):
        desk.ask("edit", id="daughter", set={"laws/xx-nothing": True}, by="Mum")
