from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import pytest

from gateway.control.contract.activity import RECENT_BLOCKS
from gateway.control.contract.rules import HELP_LINES
from gateway.core.errors import ControlError
from tests.webui.conftest import Browser
from tests.webui.standin.household import NOW, Household
from webui.rules.childs import parse_rules
from webui.values.answers import parse_here, parse_home
from webui.values.shapes import Answer


def test_what_is_missing_gets_a_default() -> None:
    home = parse_home({"now": NOW.isoformat()})
    assert home.internet == "unknown"
    assert home.children == ()
    assert not home.off
    child = parse_home({"now": NOW.isoformat(), "profiles": [{"id": "son"}]}).child("son")
    assert child is not None
    assert (child.name, child.now.state, child.paused, child.online) == ("son", "open", False, False)
    assert RECENT_BLOCKS.decode_response({}).refusals == ()
    assert HELP_LINES.decode_response({}).lines == ()
    assert parse_here({"mac": None, "profile": None}).profile == ""
    assert parse_rules({}).refused == ()


@pytest.mark.parametrize(
    "values",
    [
        {}, {"now": 5}, {"now": "yesterday"}, {"now": "2026-11-24T19:40:00"},
        {"now": NOW.isoformat(), "profiles": {}}, {"now": NOW.isoformat(), "profiles": ["son"]},
        {"now": NOW.isoformat(), "problems": [3]}, {"now": NOW.isoformat(), "new_devices": "3"},
        {"now": NOW.isoformat(), "profiles": [{"devices": [[]]}]},
    ],
)  # fmt: skip
def test_another_shape_is_one_clear_error(values: dict[str, object]) -> None:
    with pytest.raises(ControlError, match=r"unexpected .*; restart both after an update"):
        parse_home(values)


def test_a_name_that_is_missing_comes_from_the_id() -> None:
    rules = parse_rules(
        {"profile": {"refused": [{"target": "category:social_networks"}, {"target": "x.kz"}]}}
    )
    assert [target.name for target in rules.refused] == ["Social networks", "X.kz"]


def test_refusals_are_grouped_by_who_decided_the_family_first() -> None:
    owners = ["list:a", "band:6-9", "family", "band:6-9", "product"]
    rules = parse_rules(
        {"profile": {"refused": [{"target": f"{n}.kz", "owner": o} for n, o in enumerate(owners)]}}
    )
    groups = rules.refused_by_owner()
    assert list(groups) == ["family", "band:6-9", "list:a", "product"]
    assert [target.target for target in groups["band:6-9"]] == ["1.kz", "3.kz"]


def test_an_entry_must_be_a_mapping() -> None:
    with pytest.raises(ControlError):
        Answer([])


def test_a_daemon_of_another_version_gets_a_page_of_its_own(mum: Browser, household: Household) -> None:
    household.extra["profiles"] = "none"
    answer = mum.get("/parent/")
    assert answer.status_code == 502
    assert "Restart both after an update." in answer.text


@dataclass(frozen=True, slots=True)
class Kinds:
    name: str
    count: int
    sure: bool
    at: datetime | None
    codes: tuple[str, ...]
    more: int


def test_a_value_is_read_by_the_names_and_kinds_of_its_fields() -> None:
    told = {"name": "x", "count": 2, "sure": True, "at": "2026-11-24T20:45:00+05:00", "codes": ["a"]}
    at = datetime.fromisoformat("2026-11-24T20:45:00+05:00")
    assert Answer(told).read(Kinds, more=3) == Kinds("x", 2, True, at, ("a",), 3)
    assert Answer({}).read(Kinds) == Kinds("", 0, False, None, (), 0)
    for key, wrong in (("name", 1), ("count", "2"), ("at", "20:45"), ("codes", [1])):
        with pytest.raises(ControlError):
            Answer({**told, key: wrong}).read(Kinds)
