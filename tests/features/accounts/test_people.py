"""Profiles that come, go and are tried."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.control.protocol import Role
from gateway.core.reason_codes import Code
from gateway.policy.values import Reason
from tests.features.conftest import Make
from tests.features.desk import NOON, PHONE, STRANGER, TABLET, Desk
from tests.features.rules.edited import audit, edit, file, owner, refused, says


def test_somebody_is_added_removed_and_brought_back(make: Make) -> None:
    desk = make(NOON)
    done = desk.ask("add_profile", name="Әйгерім", band="6-9", devices=[PHONE], by="Mum")
    assert done == {"id": "aygerim"}
    assert file(desk, "aygerim").stat().st_mode == file(desk).stat().st_mode
    assert "devices" not in says(desk, "son")
    assert owner(desk, PHONE) == "aygerim"
    before = file(desk, "aygerim").read_bytes()
    gone = desk.ask("remove_profile", id="aygerim", by="Mum")
    assert gone["devices"] == [PHONE]
    assert not file(desk, "aygerim").exists()
    assert desk.rules.household.find("aygerim") is None
    assert owner(desk, PHONE) == "guest"
    assert desk.ask("restore_profile", token=gone["undo"], by="Mum") == {"id": "aygerim"}
    assert file(desk, "aygerim").read_bytes() == before
    assert owner(desk, PHONE) == "aygerim"
    assert [what for _, what, _ in audit(desk)] == ["restore_profile", "remove_profile", "add_profile"]


def test_who_comes_back_takes_no_device_and_no_id(make: Make) -> None:
    desk = make(NOON)
    edit(desk, "son", name="Timur")
    gone = desk.ask("remove_profile", id="son", by="Mum")
    edit(desk, devices=[TABLET, PHONE])
    desk.ask("add_profile", name="Son", band="6-9", by="Mum")
    assert desk.ask("restore_profile", token=gone["undo"], by="Mum") == {"id": "son-2"}
    assert "devices" not in says(desk, "son-2")
    assert owner(desk, PHONE) == "daughter"
    for token in ("99", "x", "1" * 40):
        assert refused(desk, "restore_profile", token=token, by="Mum")[0] == Code.NO_REVISION


def test_who_gets_an_id_anew_has_no_pause_no_time_and_no_request(make: Make) -> None:
    desk = make(NOON)
    desk.ask("request", Role.WEB, device=TABLET, site="tiktok.com")
    desk.ask("grant", who="daughter", minutes=15, by="Mum")
    desk.ask("pause", who="daughter", by="Mum")
    asked, switched = shown(desk)
    assert (len(asked), switched) == (1, {"pause", "grant"})
    token = desk.ask("remove_profile", id="daughter", by="Mum")["undo"]
    assert shown(desk) == ([], set())
    assert desk.ask("restore_profile", token=token, by="Mum")["id"] == "daughter"
    assert shown(desk) == (asked, switched), "an undo brings all back"
    desk.ask("remove_profile", id="daughter", by="Mum")
    desk.ask("add_profile", name="Daughter", band="10-12", devices=[TABLET], by="Mum")
    assert shown(desk) == ([], set())
    assert desk.store.grants.given(["daughter"]) == ()
    assert desk.reason(TABLET) is not Reason.PAUSED


def shown(desk: Desk) -> tuple[list[dict[str, Any]], set[str]]:
    """Return the listed requests, and the kinds of listed changes that edit no file."""
    asked = desk.ask("requests", Role.WEB)["requests"]
    assert desk.ask("status", Role.WEB)["requests"] == len(asked)
    kinds = {change["what"] for change in desk.ask("changes", Role.WEB)["changes"]}
    return asked, kinds - {"added", "removed", "rules"}


def test_who_is_named_in_the_homes_file_is_not_removed(make: Make) -> None:
    desk = make(NOON, shared={STRANGER: {"people": ["daughter", "son"]}})
    code, values = refused(desk, "remove_profile", id="son", by="Mum")
    assert (code, values) == (Code.STILL_NAMED, {"name": "son", "key": "shared"})
    assert file(desk, "son").exists()


def test_a_profile_is_made_with_rules_or_only_tried(make: Make) -> None:
    desk = make(NOON)
    rules = {"mode": "allow-list", "limits": {"play": "30m"}, "name": "Somebody else"}
    asked = {"name": "Aliya", "band": "6-9", "set": rules, "by": "Mum"}
    file = desk.folder / "profiles" / "aliya.yaml"
    assert desk.ask("add_profile", **asked, trial=True) == {"id": "aliya"}
    assert not file.exists()
    assert audit(desk) == []
    code, values = refused(desk, "add_profile", **asked | {"set": {"mode": "anything"}}, trial=True)
    assert (code, values["key"]) == (Code.BAD_RULE, "mode")
    assert desk.ask("add_profile", **asked) == {"id": "aliya"}
    assert desk.ask("rules", id="aliya")["own"] == {
        "name": "Aliya", "band": "6-9", "mode": "allow-list", "limits": {"play": "30m"},
    }  # fmt: skip
    assert [detail for _, _, detail in audit(desk)] == ["aliya: Aliya, band 6-9, with rules"]


@pytest.mark.parametrize(
    ("name", "key"), [("Daughter", "name"), ("GUEST", "name"), ("a" * 61, "name"), (TABLET, "name")]
)
def test_nobody_is_added_whose_name_is_taken(make: Make, name: str, key: str) -> None:
    code, values = refused(make(NOON), "add_profile", name=name, band="6-9", by="Mum")
    assert (code, values["key"]) == (Code.BAD_RULE, key)
