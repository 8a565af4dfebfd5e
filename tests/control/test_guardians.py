"""The verb `guardian`: links, roles, and that no guardian takes another's rights."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from gateway.control.guardians import TOKEN_LIFE, TOKENS_LIMIT
from gateway.control.protocol import ControlRequest, Role
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from gateway.policy.accounts.people import (
    ANNOUNCED_FOR,
    ANNOUNCEMENTS_LIMIT,
    PEOPLE_LIMIT,
    PROPOSAL_LIFE,
    AccountRegister,
    Announcement,
    AnnouncementKind,
)
from tests.around import Scene, account_verb, guardians_of
from tests.sentences import sentence

HOME = "192.168.1.7"
NOW = datetime(2026, 11, 24, 20, 0, tzinfo=UTC)


class Desk:
    """Guardians and their clock."""

    def __init__(self) -> None:
        self.scene = Scene()
        self.register = AccountRegister()
        self.sessions: dict[object, object] = {}  # the last one of each person
        self.verb = account_verb(guardians_of(self.register, self.scene))

    def root(self, action: str, **values: object) -> Mapping[str, object]:
        return self.verb(ControlRequest("guardian", Role.OWNER, 0, {"action": action, **values}))

    def web(self, action: str, **values: object) -> Mapping[str, object]:
        """Send an action as the pages do, which add the session of the person in ``by``."""
        mine = {"session": self.sessions[values["by"]]} if values.get("by") in self.sessions else {}
        values = {"origin": HOME, **mine, **values}
        answer = self.verb(ControlRequest("guardian", Role.WEB, 33, {"action": action, **values}))
        if answer.get("session"):
            self.sessions[answer.get("guardian")] = answer["session"]
        return answer

    def refused(self, action: str, **values: object) -> str:
        with pytest.raises(ControlError) as error:
            self.web(action, **values)
        return str(error.value.code)

    def role(self, name: str) -> str:
        return self.register.accounts()[name].role.value


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def parents(desk: Desk) -> Desk:
    for name in ("Mum", "Dad"):
        desk.web("signin", token=desk.root("add", name=name)["token"])
    desk.scene.audit.clear()
    return desk


def test_a_link_signs_in_once(desk: Desk) -> None:
    token = desk.root("add", name="Mum")["token"]
    signed = desk.web("signin", token=token)
    assert (signed["guardian"], signed["role"], signed["password"]) == ("Mum", "guardian", False)
    assert desk.web("check", session=signed["session"])["guardian"] == "Mum"
    assert desk.refused("signin", token=token) == Code.LINK_USED


def test_a_link_may_be_typed_carelessly(desk: Desk) -> None:
    token = str(desk.root("add", name="Mum")["token"])
    assert len(token) == 14
    assert desk.web("signin", token=f" {token.lower().replace('-', ' ')} ")["guardian"] == "Mum"


def test_a_link_dies_of_age(desk: Desk) -> None:
    token = desk.root("add", name="Mum")["token"]
    desk.scene.now = TOKEN_LIFE
    with pytest.raises(ControlError, match="older than 15 minutes"):
        desk.web("signin", token=token)


@pytest.mark.parametrize("action", ["reset", "remove"])
def test_reset_and_remove_end_sessions_and_links(desk: Desk, action: str) -> None:
    signed = desk.web("signin", token=desk.root("add", name="Mum")["token"])
    waiting = desk.root("link", name="Mum")["token"]
    desk.root(action, name="Mum")
    assert desk.refused("check", session=signed["session"]) == Code.SESSION_ENDED
    assert desk.refused("signin", token=waiting) == Code.LINK_USED


@pytest.mark.parametrize("action", ["list", "add", "link", "reset", "remove", "button"])
def test_the_pages_cannot_do_what_is_the_console_s(desk: Desk, action: str) -> None:
    desk.root("add", name="Mum")
    assert desk.refused(action, name="Mum") == Code.ROOT_ONLY
    assert desk.root("list")["guardians"] == ["Mum"]


def test_each_change_and_each_sign_in_is_recorded_with_who_and_from_where(desk: Desk) -> None:
    desk.web("signin", token=desk.root("add", name="Mum")["token"])
    desk.web("invite", name="Oma", role="helper", by="Mum")
    desk.root("reset", name="Mum")
    desk.root("remove", name="Mum")
    assert desk.scene.audit == [
        ("guardian add", "Mum", "console", ""),
        ("guardian sign-in", "Mum", "Mum", HOME),
        ("guardian add", "Oma", "Mum", HOME),
        ("guardian reset", "Mum", "console", ""),
        ("guardian remove", "Mum", "console", ""),
    ]


def test_links_are_for_known_people_only(desk: Desk) -> None:
    with pytest.raises(ControlError, match=sentence(Code.NO_GUARDIAN)):
        desk.root("link", name="Nobody")


@pytest.mark.parametrize("name", ["MUM", " mum ", "Console", "all"])
def test_a_name_is_taken_whatever_its_case(desk: Desk, name: str) -> None:
    desk.root("add", name="Mum")
    with pytest.raises(ControlError, match="is taken"):
        desk.root("add", name=name)
    with pytest.raises(ControlError, match="at most 40"):
        desk.root("add", name="x" * 41)


def test_links_and_people_are_bounded(desk: Desk) -> None:
    first = desk.root("add", name="Mum")["token"]
    last = [desk.root("link", name="Mum")["token"] for _ in range(TOKENS_LIMIT)][-1]
    assert desk.refused("signin", token=first) == Code.LINK_USED
    assert desk.web("signin", token=last)["guardian"] == "Mum"
    for number in range(1, PEOPLE_LIMIT):
        desk.web("invite", name=f"Helper {number}", role="helper", by="Mum")
    assert desk.refused("invite", name="One more", by="Mum") == Code.TOO_MANY_PEOPLE


def test_the_console_adds_every_role(desk: Desk) -> None:
    desk.root("add", name="Oma", role="helper", minutes=45)
    desk.root("add", name="Telecom", role="support")
    people = {one["name"]: one for one in desk.root("list")["people"]}  # type: ignore[attr-defined]
    assert (people["Oma"]["role"], people["Oma"]["minutes"]) == ("helper", 45)
    assert (people["Telecom"]["role"], people["Telecom"]["minutes"]) == ("support", 0)
    assert desk.root("list")["label"] == desk.scene.label, "and the gateway is still unclaimed"
    with pytest.raises(ControlError, match="must be one of"):
        desk.root("add", name="X", role="king")


# ---------------------------------------------------------------- of each other


@pytest.mark.parametrize("role", ["helper", "support", "none"])
def test_no_guardian_takes_another_s_rights_without_a_yes(parents: Desk, role: str) -> None:
    assert parents.web("change", name="Dad", role=role, by="Mum") == {"proposed": True}
    assert parents.role("Dad") == "guardian"
    assert parents.refused("answer", name="Dad", answer="yes", by="Mum") == Code.NO_PROPOSAL
    assert parents.role("Dad") == "guardian"
    waiting = parents.web("people")["proposals"]
    assert [(one["name"], one["role"], one["by"]) for one in waiting] == [("Dad", role, "Mum")]  # type: ignore[attr-defined]
    minutes = 30 if role == "helper" else 0
    read = {"role": role, "minutes": minutes}
    assert parents.web("answer", name="Dad", answer="yes", by="Dad", **read) == {"done": True}
    if role == "none":
        assert "Dad" not in parents.register.accounts()
    else:
        assert parents.role("Dad") == role
    assert parents.web("people")["proposals"] == []


@pytest.mark.parametrize("after", [{"role": "none"}, {"role": "helper", "minutes": 0}])
def test_a_yes_is_to_what_was_read_and_not_to_what_was_proposed_since(
    parents: Desk, after: dict[str, object]
) -> None:
    parents.web("change", name="Dad", role="helper", minutes=30, by="Mum")
    parents.web("change", name="Dad", by="Mum", **after)
    read = {"role": "helper", "minutes": 30}
    assert parents.refused("answer", name="Dad", answer="yes", by="Dad", **read) == Code.CHANGED_MEANWHILE
    assert parents.refused("answer", name="Dad", answer="yes", by="Dad") == Code.INVALID
    assert parents.role("Dad") == "guardian"


def test_what_all_are_told_for_a_week_is_not_crowded_out(parents: Desk) -> None:
    """By somebody who took an account over, and makes a hundred others that tell something too."""
    parents.root("reset", name="Dad")
    for number in range(200):
        for name in (f"A{number}", "Mum"):
            at = NOW + timedelta(minutes=number)
            told_of = Announcement(AnnouncementKind.BACKUP, name, f"phone {number}", at, NOW + ANNOUNCED_FOR)
            parents.register.announce(told_of)
    told = [(one.kind, one.name, one.device) for one in parents.register.announced]
    assert (AnnouncementKind.CONSOLE, "Dad", "") in told
    assert [one for one in told if one[1] == "Mum"] == [(AnnouncementKind.BACKUP, "Mum", "phone 199")]
    assert len(told) == ANNOUNCEMENTS_LIMIT


def test_a_guardian_and_a_token_that_a_phone_made_are_told_to_all_for_a_week(parents: Desk) -> None:
    mum = parents.web("signin", token=parents.root("link", name="Mum")["token"])["session"]
    parents.web("invite", name="Oma", role="helper", minutes=15, by="Mum")
    assert parents.register.announced == []
    parents.web("change", name="Oma", role="guardian", by="Mum")
    parents.web("invite", name="Uncle", role="guardian", by="Mum")
    parents.web("token_make", label="Display", role="helper", session=mum)
    parents.web("change", name="Oma", role="guardian", by="Dad")
    told = [(one.kind, one.name, one.device) for one in parents.register.announced]
    device = parents.scene.around().device(ControlRequest("x", Role.WEB, 0, {"origin": HOME}))
    assert told == [
        (AnnouncementKind.GUARDIAN, "Oma", device),
        (AnnouncementKind.GUARDIAN, "Uncle", device),
        (AnnouncementKind.TOKEN, "Mum", device),
    ]
    assert {one.until - one.at for one in parents.register.announced} == {ANNOUNCED_FOR}


def test_a_no_and_a_withdrawal_change_nothing(parents: Desk) -> None:
    for who in ("Dad", "Mum"):
        parents.web("change", name="Dad", role="none", by="Mum")
        assert parents.web("answer", name="Dad", answer="no", by=who) == {"done": False}
        assert parents.role("Dad") == "guardian"
        assert parents.web("people")["proposals"] == []


def test_whom_it_is_about_sees_that_it_waits_until_it_is_a_week_old(parents: Desk) -> None:
    dad = parents.web("signin", token=parents.root("link", name="Dad")["token"])["session"]
    parents.web("change", name="Dad", role="none", by="Mum")
    assert parents.web("check", session=dad)["proposed"] is True
    parents.scene.now += PROPOSAL_LIFE.total_seconds()
    assert parents.web("check", session=dad)["proposed"] is False
    assert parents.refused("answer", name="Dad", answer="yes", by="Dad") == Code.NO_PROPOSAL


def test_oneself_steps_down_at_once_but_never_the_last(parents: Desk) -> None:
    assert parents.web("change", name="Dad", role="helper", minutes=20, by="Dad") == {"proposed": False}
    assert parents.role("Dad") == "helper"
    assert parents.refused("change", name="Mum", role="none", by="Mum") == Code.LAST_GUARDIAN
    assert parents.role("Mum") == "guardian"


def test_a_yes_that_would_leave_nobody_is_refused(parents: Desk) -> None:
    parents.web("change", name="Dad", role="none", by="Mum")
    parents.web("change", name="Mum", role="helper", by="Mum")
    yes = {"name": "Dad", "answer": "yes", "role": "none", "by": "Dad"}
    assert parents.refused("answer", **yes) == Code.LAST_GUARDIAN
    assert parents.role("Dad") == "guardian"
    parents.web("invite", name="Aunt", role="guardian", by="Dad")
    assert parents.web("answer", **yes) == {"done": True}, "the proposal waited for another parent"


def test_helpers_and_support_are_a_guardian_s_to_change(parents: Desk) -> None:
    parents.web("invite", name="Oma", role="helper", minutes=15, by="Mum")
    parents.web("change", name="Oma", role="helper", minutes=60, by="Dad")
    assert parents.register.accounts()["Oma"].minutes == 60
    for action in ("change", "invite"):
        assert parents.refused(action, name="Oma", role="guardian", by="Oma") == Code.NO_GUARDIAN
    parents.web("change", name="Oma", role="none", by="Dad")
    assert "Oma" not in parents.register.accounts()


def test_a_new_link_is_for_who_has_never_come_or_is_no_guardian(parents: Desk) -> None:
    parents.web("invite", name="Oma", role="helper", by="Mum")
    parents.web("invite", name="Aunt", role="guardian", by="Mum")
    for name in ("Oma", "Aunt"):
        token = parents.web("invite", name=name, again=True, by="Mum")["token"]
        assert parents.web("signin", token=token)["guardian"] == name
    assert parents.web("invite", name="Oma", again=True, by="Mum")["token"]
    for name in ("Aunt", "Dad"):
        assert parents.refused("invite", name=name, again=True, by="Mum") == Code.CONSOLE_ONLY
