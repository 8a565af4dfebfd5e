"""Each refusal that a page can meet has its code, and the values that a sentence in any language needs."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.control.protocol import Role
from gateway.core.errors import GatewayError
from gateway.core.reason_codes import Code
from tests.features.conftest import Make
from tests.features.desk import MUMS, PHONE, STRANGER, TABLET, Desk

LATE, NOON = "2026-11-24T20:45", "2026-11-24T12:00"
NAME = {"name": "Daughter"}


def refused(desk: Desk, do: str, **values: object) -> tuple[str, dict[str, Any]]:
    with pytest.raises(GatewayError) as caught:
        desk.ask(do, Role.WEB, **values)
    return caught.value.code, dict(caught.value.values)


@pytest.mark.parametrize(
    ("at", "do", "values", "code", "told"),
    [
        (NOON, "pause", {"who": "daughter", "by": "Nobody"}, Code.NO_GUARDIAN, {}),
        (NOON, "pause", {"who": "nobody", "by": "Mum"}, Code.NO_PROFILE, {}),
        (NOON, "pause", {"who": "mum", "by": "Mum"}, Code.NO_CHILD, {"name": "Mum"}),
        (NOON, "pause", {"who": MUMS, "by": "Mum"}, Code.NOT_FILTERED, {}),
        (
            NOON,
            "pause",
            {"who": "daughter", "by": "Mum", "until": "2026-11-24T11:00:00+05:00"},
            Code.HAS_PASSED,
            {},
        ),
        (NOON, "grant", {"who": "daughter", "by": "Mum", "minutes": "x"}, Code.INVALID, {"key": "minutes"}),
        (
            NOON,
            "grant",
            {"who": "daughter", "by": "Mum", "minutes": 5, "service": "nonsense"},
            Code.NO_SERVICE,
            {},
        ),
        (NOON, "revoke", {"grant": 7, "by": "Mum"}, Code.NOT_IN_FORCE, {}),
        (NOON, "identify", {"mac": TABLET, "by": "Mum", "answer": "home"}, Code.NO_QUESTION, {}),
        (NOON, "revoke", {"who": "daughter", "by": "Mum"}, Code.NO_EXTRA_TIME, {}),
        (NOON, "landing", {"device": TABLET}, Code.LANDING_EARLY, NAME),
        (NOON, "landing", {"device": STRANGER}, Code.NO_DEVICE_OF_A_CHILD, {}),
        ("2026-11-24T23:30", "landing", {"device": TABLET}, Code.LANDING_LATE, NAME),
        (NOON, "redeem", {"device": TABLET, "code": "2222-2222"}, Code.CODE_UNKNOWN, {}),
        (NOON, "withdraw", {"batch": "x", "by": "Mum"}, Code.NO_GOOD_CODES, {}),
        (
            NOON,
            "request",
            {"device": TABLET, "site": "wikipedia.org"},
            Code.NOT_REFUSED,
            {"host": "wikipedia.org", **NAME},
        ),
        (NOON, "request", {"device": TABLET, "site": "service:nonsense"}, Code.NO_SERVICE, {}),
        (
            NOON,
            "request",
            {"device": TABLET, "minutes": 5, "reason": "x" * 201},
            Code.REASON_TOO_LONG,
            {"most": 200},
        ),
        (NOON, "answer", {"id": 7, "answer": "no", "by": "Mum"}, Code.NO_REQUEST, {}),
        (NOON, "guardian", {"action": "signin", "token": "ABC"}, Code.LINK_USED, {}),
        (NOON, "guardian", {"action": "check", "session": "x"}, Code.SESSION_ENDED, {}),
        (NOON, "guardian", {"action": "signin", "name": "Mum", "digest": "x"}, Code.WRONG_PASSWORD, {}),
        (NOON, "guardian", {"action": "claim"}, Code.CLAIMED, {}),
        (NOON, "reload", {}, Code.ROOT_ONLY, {}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_refusal_has_its_code(
    make: Make, at: str, do: str, values: dict[str, object], code: Code, told: dict[str, object]
) -> None:
    desk = make(at)
    desk.ask("guardian", action="add", name="Mum")
    assert refused(desk, do, **values) == (code, told)


def test_a_landing_and_its_ends(make: Make) -> None:
    desk = make(LATE, son={"landing": "0m"})
    desk.ask("guardian", action="add", name="Mum")
    assert refused(desk, "landing", device=PHONE) == (Code.NO_LANDING, {"name": "Son"})
    desk.ask("pause", who="daughter", minutes=30)
    assert refused(desk, "landing", device=TABLET) == (Code.LANDING_IN_PAUSE, NAME)
    assert refused(desk, "resume", who=TABLET, by="Mum") == (Code.CHILD_PAUSED, NAME)
    desk.ask("resume", who="daughter")
    desk.ask("landing", device=TABLET)
    assert refused(desk, "landing", device=TABLET) == (Code.LANDED, NAME)


def test_codes_on_paper(make: Make) -> None:
    desk = make(LATE)
    own, other, late = (
        desk.ask("ticket", who=who, minutes=30, by="Mum")["codes"][0] for who in ("daughter", "son", "all")
    )
    assert refused(desk, "redeem", device=TABLET, code=other) == (Code.CODE_OF_ANOTHER, {})
    desk.ask("redeem", device=TABLET, code=own)
    assert refused(desk, "redeem", device=TABLET, code=own) == (Code.CODE_USED, {})
    desk.ask("pause", who="daughter", minutes=30)
    assert refused(desk, "redeem", device=TABLET, code=late) == (Code.CODE_IN_PAUSE, NAME)
    for _ in range(5):
        refused(desk, "redeem", device=TABLET, code="2222-2222")
    code, values = refused(desk, "redeem", device=TABLET, code=late)
    assert (code, list(values)) == (Code.TOO_MANY_TRIES, ["minutes"])


def test_a_request_is_answered_once(make: Make) -> None:
    desk = make(LATE)
    desk.ask("guardian", action="add", name="Mum")
    number = desk.ask("request", device=TABLET, minutes=15)["request"]["id"]
    values = {"id": number, "answer": "today", "by": "Mum"}
    assert refused(desk, "answer", **values) == (Code.NOT_FOR_TIME, {})
    desk.ask("answer", id=number, answer="no")
    assert refused(desk, "answer", **values) == (Code.ANSWERED_BEFORE, {})
