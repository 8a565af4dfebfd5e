from __future__ import annotations

import pytest

from gateway.control.guardians import TOKEN_LIFE, TOKENS_LIMIT, Guardians
from gateway.control.protocol import Request, Role
from gateway.errors import ControlError


class Kept:
    """Guardians in a dictionary; the real keeper is the store."""

    def __init__(self) -> None:
        self.stamps: dict[str, str] = {}

    def guardians(self) -> dict[str, str]:
        return self.stamps

    def keep_guardian(self, name: str, stamp: str) -> None:
        self.stamps[name] = stamp

    def remove_guardian(self, name: str) -> None:
        del self.stamps[name]


class Desk:
    """Guardians and their clock."""

    def __init__(self) -> None:
        self.now = 0.0
        self.audit: list[tuple[str, str]] = []
        self.verb = Guardians(Kept(), lambda: self.now, lambda what, whom: self.audit.append((what, whom)))

    def root(self, action: str, **values: object) -> dict[str, object]:
        return self.verb(Request("guardian", Role.OWNER, 0, {"action": action, **values}))

    def web(self, action: str, **values: object) -> dict[str, object]:
        return self.verb(Request("guardian", Role.WEB, 33, {"action": action, **values}))


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_a_link_signs_in_once(desk: Desk) -> None:
    token = desk.root("add", name="Mum")["token"]
    signed = desk.web("signin", token=token)
    assert signed["guardian"] == "Mum"
    desk.web("check", name="Mum", stamp=signed["stamp"])
    with pytest.raises(ControlError, match="is used or older"):
        desk.web("signin", token=token)


def test_a_link_may_be_typed_carelessly(desk: Desk) -> None:
    token = str(desk.root("add", name="Mum")["token"])
    assert len(token) == 14
    assert desk.web("signin", token=f" {token.lower().replace('-', ' ')} ")["guardian"] == "Mum"


def test_a_link_dies_of_age(desk: Desk) -> None:
    token = desk.root("add", name="Mum")["token"]
    desk.now = TOKEN_LIFE
    with pytest.raises(ControlError, match="older than 15 minutes"):
        desk.web("signin", token=token)


@pytest.mark.parametrize("action", ["reset", "remove"])
def test_reset_and_remove_end_sessions_and_links(desk: Desk, action: str) -> None:
    signed = desk.web("signin", token=desk.root("add", name="Mum")["token"])
    waiting = desk.root("link", name="Mum")["token"]
    desk.root(action, name="Mum")
    with pytest.raises(ControlError, match="session has ended"):
        desk.web("check", name="Mum", stamp=signed["stamp"])
    with pytest.raises(ControlError, match="is used"):
        desk.web("signin", token=waiting)


def test_a_forged_stamp_is_no_session(desk: Desk) -> None:
    desk.root("add", name="Mum")
    for name, stamp in (("Mum", "x"), ("Dad", "x"), ("Mum", "é")):
        with pytest.raises(ControlError, match="session has ended"):
            desk.web("check", name=name, stamp=stamp)


@pytest.mark.parametrize("action", ["list", "add", "link", "reset", "remove"])
def test_the_pages_cannot_make_guardians_or_links(desk: Desk, action: str) -> None:
    desk.root("add", name="Mum")
    with pytest.raises(ControlError, match="only root"):
        desk.web(action, name="Mum")
    assert desk.root("list") == {"guardians": ["Mum"]}


def test_each_change_and_each_sign_in_is_recorded(desk: Desk) -> None:
    desk.web("signin", token=desk.root("add", name="Mum")["token"])
    desk.root("reset", name="Mum")
    desk.root("remove", name="Mum")
    assert [what for what, _ in desk.audit] == [
        "guardian add", "guardian sign-in", "guardian reset", "guardian remove",
    ]  # fmt: skip
    assert {whom for _, whom in desk.audit} == {"Mum"}


def test_links_are_for_guardians_only(desk: Desk) -> None:
    with pytest.raises(ControlError, match="no guardian 'Nobody'"):
        desk.root("link", name="Nobody")


def test_a_name_is_taken_whatever_its_case(desk: Desk) -> None:
    desk.root("add", name="Mum")
    with pytest.raises(ControlError, match="is taken"):
        desk.root("add", name="MUM")
    with pytest.raises(ControlError, match="at most 40"):
        desk.root("add", name="x" * 41)


def test_links_are_bounded(desk: Desk) -> None:
    first = desk.root("add", name="Mum")["token"]
    last = [desk.root("link", name="Mum")["token"] for _ in range(TOKENS_LIMIT)][-1]
    with pytest.raises(ControlError):
        desk.web("signin", token=first)
    assert desk.web("signin", token=last)["guardian"] == "Mum"
