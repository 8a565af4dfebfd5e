"""Tokens for programs: who makes them, what they may, and when they end."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gateway.control.protocol import ControlRequest, Role
from gateway.control.token_verbs import from_where
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from gateway.policy.accounts.people import Account, PersonRole, digest
from gateway.policy.accounts.tokens import LABEL_LIMIT, TOKENS_LIMIT, origin_with_token, split_origin
from gateway.policy.time.clock_changes import Jump
from tests.control.test_guardians import HOME, Desk


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def mum(desk: Desk) -> str:
    """Her session."""
    token = desk.root("add", name="Mum")["token"]
    return str(desk.web("signin", token=token)["session"])


def made(desk: Desk, session: str, **values: object) -> dict[str, str]:
    found = desk.web("token_make", session=session, **{"label": "Hall", "role": "guardian", **values})
    return {key: str(value) for key, value in found.items()}


def test_a_token_is_told_once_and_kept_as_a_digest(desk: Desk, mum: str) -> None:
    token = made(desk, mum, days=30)
    assert token["token"].startswith("qalqan_")
    kept = desk.register.tokens.all()[0]
    assert kept.key == digest(token["token"])
    assert token["token"] not in str(desk.web("tokens", session=mum))
    checked = desk.web("token_check", token=token["token"])
    assert checked == {"guardian": "Mum", "role": "guardian", "minutes": 0, "via": token["id"]}
    listed = desk.web("tokens", session=mum)["tokens"]
    assert isinstance(listed, list)
    assert listed[0]["used"] == desk.scene.wall()
    assert listed[0]["until"] == desk.scene.wall() + timedelta(days=30)
    assert ("guardian token", "Hall guardian", "Mum", HOME) in desk.scene.audit


def test_a_token_ends_by_its_time_and_by_hand(desk: Desk, mum: str) -> None:
    short, endless = made(desk, mum, days=30), made(desk, mum, label="Wall")
    desk.scene.now = timedelta(days=31).total_seconds()
    assert desk.refused("token_check", token=short["token"]) == Code.WRONG_TOKEN
    assert desk.web("token_check", token=endless["token"])["guardian"] == "Mum"
    desk.web("token_end", session=mum, id=endless["id"])
    assert desk.refused("token_check", token=endless["token"]) == Code.WRONG_TOKEN
    assert desk.refused("token_end", session=mum, id=endless["id"]) == Code.NO_TOKEN


def test_a_token_never_may_more_than_who_made_it_may_by_now(desk: Desk, mum: str) -> None:
    token = made(desk, mum)["token"]
    helper = made(desk, mum, label="Button", role="helper")["token"]
    assert desk.web("token_check", token=helper)["role"] == "helper"
    desk.register.put(Account("Mum", PersonRole.SUPPORT))
    assert desk.web("token_check", token=token)["role"] == "support"
    assert desk.refused("token_make", session=mum, label="More", role="guardian") == Code.GUARDIANS_ONLY
    desk.register.remove("Mum")
    assert desk.refused("token_check", token=token) == Code.WRONG_TOKEN


def test_another_password_ends_them(desk: Desk, mum: str) -> None:
    token = made(desk, mum)["token"]
    desk.web("password", session=mum, secret=f"scrypt:8192:8:10${'a' * 16}${'0' * 128}")
    assert desk.refused("token_check", token=token) == Code.WRONG_TOKEN


def test_there_are_sixteen_at_most(desk: Desk, mum: str) -> None:
    for number in range(TOKENS_LIMIT):
        made(desk, mum, label=f"Script {number}")
    assert desk.refused("token_make", session=mum, label="More", role="helper") == Code.TOO_MANY_TOKENS


@pytest.mark.parametrize(
    "values", [{"label": "x" * (LABEL_LIMIT + 1)}, {"role": "owner"}, {"days": 31}, {"days": -1}]
)
def test_what_is_no_token_is_refused(desk: Desk, mum: str, values: dict[str, object]) -> None:
    given = {"label": "Hall", "role": "guardian", **values}
    assert desk.refused("token_make", session=mum, **given) == Code.INVALID


def test_a_change_by_a_token_says_so_in_the_audit(desk: Desk, mum: str) -> None:
    token = made(desk, mum, label="Hall 100%")
    desk.web("invite", name="Oma", role="helper", by="Mum", via=token["id"])
    assert desk.scene.audit[-1] == ("guardian add", "Oma", "Mum", f"token:Hall%20100%25 {HOME}")
    assert split_origin(desk.scene.audit[-1][3]) == ("Hall 100%", HOME)
    assert split_origin(origin_with_token("", HOME)) == ("", HOME)


def test_a_token_that_ended_or_may_less_changes_nothing(desk: Desk, mum: str) -> None:
    helper = made(desk, mum, role="helper")["id"]

    def code(do: str, via: str) -> str:
        request = ControlRequest(do, Role.WEB, 33, {"by": "Mum", "via": via, "origin": HOME})
        with pytest.raises(ControlError) as error:
            from_where(request, desk.register, desk.scene.wall(), clock_trusted=True)
        return str(error.value.code)

    assert code("edit", helper) == Code.GUARDIANS_ONLY
    assert code("pause", "0" * 12) == Code.WRONG_TOKEN
    pause = ControlRequest("pause", Role.WEB, 33, {"by": "Mum", "via": helper, "origin": HOME})
    assert from_where(pause, desk.register, desk.scene.wall(), clock_trusted=True) == f"token:Hall {HOME}"


def test_by_a_clock_that_may_be_ahead_no_token_has_ended(desk: Desk, mum: str) -> None:
    token = made(desk, mum, days=30)
    desk.scene.now = timedelta(days=31).total_seconds()

    def invite(name: str) -> str | None:
        return desk.refused("invite", name=name, role="helper", by="Mum", via=token["id"])

    assert invite("Oma") == Code.WRONG_TOKEN
    desk.scene.known = False
    assert desk.web("token_check", token=token["token"])["guardian"] == "Mum"
    desk.web("invite", name="Opa", role="helper", by="Mum", via=token["id"])
    assert desk.scene.audit[-1] == ("guardian add", "Opa", "Mum", f"token:Hall {HOME}")


def test_a_clock_that_is_put_right_keeps_what_was_left(desk: Desk, mum: str) -> None:
    desk.scene.known = False
    made(desk, mum, days=30)
    before = desk.scene.wall()
    jump = Jump(before, before + timedelta(days=365), was_known=False, known=True)
    desk.register.shift(jump)
    desk.register.drop_old(jump.after)
    assert desk.register.tokens.all()[0].until == jump.after + timedelta(days=30)
