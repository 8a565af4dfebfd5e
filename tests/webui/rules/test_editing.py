"""The stand-in for what the pages change in the family's files answers like the daemon, over a socket."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.core.errors import ControlError
from tests.control.running import Running
from tests.rawclient import RawClient
from tests.webui.standin.household import TABLET, Household


@pytest.fixture
def client(tmp_path: Path, daemon: Running) -> RawClient:
    return RawClient(tmp_path / "control.sock")


def test_an_edit_is_what_the_other_verbs_tell_from_then_on(client: RawClient, household: Household) -> None:
    told = client.call("rules", id="daughter")
    assert told["own"]["block"] == ["service:tiktok"]
    changes = {"name": "Aru", "block/example.org": True}
    done = client.call("edit", id="daughter", set=changes, revision=told["revision"], by="Mum")
    assert client.call("rules", id="daughter")["revision"] == done["revision"]
    assert client.call("status")["profiles"][0]["name"] == "Aru"
    client.call("unedit", id="daughter", revision=done["undo"], by="Mum")
    assert client.call("status")["profiles"][0]["name"] == "Aruzhan"
    assert [what for what, _ in household.editing.audit] == ["edit", "unedit"]


def test_a_child_comes_and_goes(client: RawClient, household: Household) -> None:
    added = client.call("add_profile", name="Ерлан", band="6-9", devices=[TABLET], by="Mum")["id"]
    assert added == "erlan"
    assert added in [one["id"] for one in client.call("status")["profiles"]]
    assert client.call("device", ip="192.168.1.20")["profile"] == added
    gone = client.call("remove_profile", id=added, by="Mum")
    assert gone["devices"] == [TABLET]
    assert added not in [one["id"] for one in client.call("status")["profiles"]]
    assert client.call("device", ip="192.168.1.20")["profile"] == "guest"
    assert client.call("restore_profile", token=gone["undo"], by="Mum")["id"] == added


def test_refusals_have_their_codes(client: RawClient) -> None:
    with pytest.raises(ControlError) as caught:
        client.call("edit", id="daughter", set={"limits/play": "much"}, by="Mum")
    assert (caught.value.code, caught.value.values["key"]) == ("bad_rule", "limits/play")
    with pytest.raises(ControlError) as caught:
        client.call("edit", id="daughter", set={"mode": "allow-list"}, by="Nobody")
    assert "guardian" in str(caught.value)


def test_looking_ahead(client: RawClient) -> None:
    assert client.call("why", profile="daughter", host="www.tiktok.com")["owner"] == "family"
    assert (
        client.call("why", profile="daughter", host="example.com", set={"mode": "allow-list"})["verdict"]
        == "block"
    )
    assert len(client.call("week", id="son")["days"]) == 7
    assert client.call("catalogue")["bands"][0]["id"] == "0-5"
    assert client.call("family")["country"] == "kz"
