"""Dangerous changes: the daemon itself refuses them without a session of the guardian and a recent proof."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from gateway.control.permissions import VERBS
from gateway.control.proofs import PROOF_LIFE
from gateway.control.protocol import Role
from gateway.core.errors import ControlError
from gateway.core.helper_process import HelperProcess
from gateway.core.reason_codes import Code
from gateway.features.backup import auto_backup
from gateway.policy.accounts.people import Account, PersonRole, ProposedRole
from gateway.policy.identity.questions import Ask, IdentityQuestion
from tests.features.backup.backed_up import HASH, sent
from tests.features.conftest import Make
from tests.features.desk import MUMS, NOON, PHONE, STRANGER, TABLET, Desk

STICK = "/media/stick"
NAME = {"name": "family-4821.duckdns.org", "provider": "duckdns", "token": "x", "email": "mum@example.net"}
DANGEROUS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("backup", {}),
    ("restore", {"action": "apply"}),
    ("restore", {"action": "undo"}),
    ("auto_backup", {"action": "set", "folder": STICK, "key": "a key"}),
    ("trusted_name", {"action": "get", **NAME}),
    ("trusted_name", {"action": "stop"}),
    ("home_automation", {"action": "set", "address": "192.168.1.5", "label": "Home automation"}),
    ("off", {"minutes": 5}),
    ("switch_access", {"minutes": 60}),
    ("erase", {"id": "daughter"}),
    ("erase", {"id": "daughter", "what": "names"}),
    ("channel_on", {"address": "ntfy://topic-4821"}),
    ("edit_family", {"set": {"unknown_devices": "home"}}),
    ("edit_family", {"set": {"unknown_devices": "mum"}}),
    ("edit_family", {"set": {"interfaces/lo": "home"}}),
    ("edit_family", {"set": {"interfaces": {"lo": "home"}}}),
    ("unedit_family", {}),
    ("guardian", {"action": "invite", "name": "Oma", "role": "guardian"}),
    ("guardian", {"action": "invite", "name": "Oma", "role": "helper"}),
    ("guardian", {"action": "invite", "name": "Ben", "again": True}),
    ("guardian", {"action": "change", "name": "Ben", "role": "helper", "minutes": 60}),
    ("guardian", {"action": "change", "name": "Ben", "role": "none"}),
    ("guardian", {"action": "change", "name": "Dad", "role": "helper"}),
    *(("assign", {"mac": TABLET, "profile": place}) for place in ("home", "adult", "visitor", "mum")),
    ("identify", {"mac": TABLET, "answer": "home"}),
    ("identify", {"mac": TABLET, "profile": "mum"}),
    ("edit", {"id": "daughter", "set": {"band": "adult"}}),
    ("edit", {"id": "mum", "set": {"devices": [MUMS, TABLET]}}),
    ("edit", {"id": "mum", "set": {f"devices/{TABLET}": "true"}}),
    ("add_profile", {"name": "Oma", "band": "adult", "devices": (TABLET,)}),
    ("unedit", {"id": "daughter"}),
    ("remove_profile", {"id": "daughter"}),
)
# While new devices are not filtered.
UNFILTERED: tuple[tuple[str, dict[str, Any]], ...] = (
    ("forget", {"mac": TABLET}),
    ("edit", {"id": "daughter", "set": {"devices": []}}),
)
# Of the session's own account, whoever is in `by`.
OWN: tuple[dict[str, Any], ...] = (
    {"action": "token_make", "label": "Hall", "role": "support", "days": 30},
    {"action": "factor_start"},
    {"action": "factor_on", "otp": "000000"},
    {"action": "passkey_remove", "id": "x"},
)
HARMLESS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("restore", {"action": "last"}),
    ("auto_backup", {"action": "show"}),
    ("trusted_name", {"action": "look"}),
    ("home_automation", {"action": "show"}),
    ("home_automation", {"action": "off"}),
    ("on", {}),
    ("switch_access", {}),
    ("edit_family", {"set": {"language": "ru"}}),
    ("edit_family", {"set": {"unknown_devices": "quarantine"}}),
    ("edit_family", {"set": {"unknown_devices": "daughter"}}),
    ("guardian", {"action": "people"}),
    ("guardian", {"action": "answer", "name": "Dad", "answer": "no"}),
    ("pause", {"who": "daughter", "minutes": 5}),
    ("grant", {"who": "daughter", "minutes": 15}),
    ("assign", {"mac": TABLET, "profile": "son"}),
    ("assign", {"mac": TABLET, "profile": "guest"}),
    ("assign", {"mac": MUMS, "profile": "home"}),
    ("assign", {"mac": STRANGER, "profile": "adult"}),
    ("edit", {"id": "daughter", "set": {"block": ["service:roblox"]}}),
    ("edit", {"id": "daughter", "set": {"band": "13-15"}}),
    *UNFILTERED,
    ("edit", {"id": "mum", "set": {"band": "adult"}}),
    ("edit", {"id": "mum", "set": {"devices": [MUMS, STRANGER]}}),
    ("edit", {"id": "son", "set": {"devices": [PHONE, TABLET]}}),
    ("add_profile", {"name": "Oma", "band": "adult", "devices": (STRANGER,)}),
    ("remove_profile", {"id": "mum"}),
)


@pytest.fixture
def desk(make: Make, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A home with two guardians, who both have passwords."""
    monkeypatch.setattr(HelperProcess, "start", lambda process, argv: None)
    monkeypatch.setattr(auto_backup, "drives", lambda: (STICK,))
    desk = make(NOON)
    for name in ("Mum", "Dad"):
        desk.store.people.put(Account(name, secret=HASH))
    desk.store.people.put(Account("Ben", PersonRole.HELPER, minutes=30))
    desk.store.people.propose(ProposedRole("Dad", "none", 0, "Mum", desk.clock.now()))
    desk.store.devices.seen(STRANGER, desk.clock.at)
    return desk


def refusal(desk: Desk, do: str, values: dict[str, Any], **who: object) -> str:
    with pytest.raises(ControlError) as caught:
        desk.ask(do, Role.WEB, **values, **who)
    return caught.value.code


@pytest.mark.parametrize(("do", "values"), DANGEROUS)
def test_the_pages_need_a_session_with_a_recent_proof(desk: Desk, do: str, values: dict[str, Any]) -> None:
    values = {**values, **prepared(desk, do, values)}
    mine = {"by": "Mum", "session": desk.session("Mum")}
    desk.go(timedelta(seconds=PROOF_LIFE))
    assert refusal(desk, do, values, **mine) == Code.PROOF_NEEDED
    assert refusal(desk, do, values, by="Mum") == Code.INVALID, "there is no way without a session"
    assert refusal(desk, do, values, by="Mum", session="forged") == Code.SESSION_ENDED
    assert refusal(desk, do, values, by="Mum", session=desk.session("Dad")) == Code.NO_GUARDIAN
    if "token" in values:
        values["token"] = sent(desk, backup(desk))
    desk.session("Mum")
    desk.ask(do, Role.WEB, **values, **mine)


@pytest.mark.parametrize("values", OWN, ids=lambda values: values["action"])
def test_one_s_own_ways_in_need_a_recent_proof(desk: Desk, values: dict[str, Any]) -> None:
    mine = {"by": "Mum", "session": desk.session("Mum")}
    desk.go(timedelta(seconds=PROOF_LIFE))
    assert refusal(desk, "guardian", values, **mine) == Code.PROOF_NEEDED
    assert refusal(desk, "guardian", values, by="Mum") == Code.INVALID


def prepared(desk: Desk, do: str, values: dict[str, Any]) -> dict[str, Any]:
    """Do what must come before a change, and return the arguments that are known only then."""
    if do == "restore":
        token = sent(desk, backup(desk))
        if values["action"] == "apply":
            return {"token": token}
        desk.ask("restore", Role.WEB, action="apply", token=token, by="Mum", session=desk.session("Mum"))
    elif do == "unedit":
        desk.ask("edit", id="daughter", set={"band": "adult"})
        return {"revision": desk.ask("edit", id="daughter", set={"band": "10-12"})["undo"]}
    elif do == "unedit_family":
        desk.ask("edit_family", set={"unknown_devices": "home"})
        return {"revision": desk.ask("edit_family", set={"unknown_devices": "guest"})["undo"]}
    elif do == "identify":
        question = IdentityQuestion(TABLET, Ask.REPEATER, desk.clock.now())
        desk.store.questions.put(question, lambda _: None, desk.clock.now())
    return {}


def backup(desk: Desk) -> str:
    return str(desk.ask("backup", Role.WEB, by="Mum", session=desk.session("Mum"))["text"])


def test_an_undo_that_gives_a_child_s_device_to_an_adult_needs_a_proof(desk: Desk) -> None:
    before = desk.ask("rules", id="daughter")["revision"]
    desk.ask("assign", mac=MUMS, profile="daughter")
    values, mine = {"id": "daughter", "revision": before}, {"by": "Mum", "session": desk.session("Mum")}
    desk.go(timedelta(seconds=PROOF_LIFE))
    assert refusal(desk, "unedit", values, **mine) == Code.PROOF_NEEDED
    assert desk.assignment.of(MUMS) == "daughter"
    desk.session("Mum")
    desk.ask("unedit", Role.WEB, **values, **mine)
    assert desk.assignment.of(MUMS) == "mum"


@pytest.mark.parametrize("rules", ["home", "mum"])
@pytest.mark.parametrize(("do", "values"), UNFILTERED)
def test_a_child_s_device_without_an_owner_needs_a_proof_if_it_is_then_unfiltered(
    desk: Desk, do: str, values: dict[str, Any], rules: str
) -> None:
    desk.ask("edit_family", set={"unknown_devices": rules})
    mine = {"by": "Mum", "session": desk.session("Mum")}
    desk.go(timedelta(seconds=PROOF_LIFE))
    assert refusal(desk, do, values, **mine) == Code.PROOF_NEEDED
    assert desk.assignment.of(TABLET) == "daughter"
    desk.session("Mum")
    desk.ask(do, Role.WEB, **values, **mine)
    assert desk.assignment.of(TABLET) != "daughter"


def test_an_api_token_ends_filtering_without_a_proof_but_not_an_ended_one(desk: Desk) -> None:
    """What a token may do was decided when it was made."""
    made = desk.ask(
        "guardian",
        Role.WEB,
        action="token_make",
        label="Hall",
        role="guardian",
        days=30,
        by="Mum",
        session=desk.session("Mum"),
    )
    values = {"mac": TABLET, "profile": "home"}
    desk.go(timedelta(seconds=PROOF_LIFE))
    assert refusal(desk, "assign", values, by="Dad", via=made["id"]) == Code.WRONG_TOKEN
    desk.ask("assign", Role.WEB, by="Mum", via=made["id"], **values)
    desk.ask("off", Role.WEB, by="Mum", via=made["id"], minutes=5)
    desk.go(timedelta(days=30))
    assert refusal(desk, "off", {}, by="Mum", via=made["id"]) == Code.WRONG_TOKEN


@pytest.mark.parametrize(("do", "values"), HARMLESS)
def test_looking_needs_none(desk: Desk, do: str, values: dict[str, Any]) -> None:
    desk.ask(do, Role.WEB, by="Mum", **values)


def test_every_verb_with_dangerous_changes_is_tested() -> None:
    declared = {name for name, verb in VERBS.items() if verb.danger is not None}
    assert {do for do, _ in (*DANGEROUS, *UNFILTERED)} == declared


def test_deleting_activity_from_a_child_s_own_device_needs_none(desk: Desk) -> None:
    """A child has a PIN in place of a session."""
    assert refusal(desk, "erase", {}, device=TABLET) != Code.PROOF_NEEDED


def test_the_console_needs_none(desk: Desk) -> None:
    assert desk.ask("backup")["size"]
    desk.ask("trusted_name", action="stop")
