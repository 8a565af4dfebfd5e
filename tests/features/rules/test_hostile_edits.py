"""Whatever JSON a program sends as rules, the daemon refuses it or takes it: nothing else may come of it.

An exception that nobody foresaw would end the event loop, and with it the filter.
"""

from __future__ import annotations

import json
from itertools import product
from typing import Any

import pytest

from gateway.control.protocol import Role, decode, encode
from gateway.core.errors import GatewayError
from gateway.policy.config.config import FAMILY_KEYS
from gateway.policy.yaml.documents import parse_document
from tests.features.conftest import Make
from tests.features.desk import TABLET, Desk

NOON = "2026-11-24T12:00"
DEEP: Any = "x"
for _ in range(14):
    DEEP = [DEEP]
VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 1 << 31, 1 << 63, 1 << 70, 10**4000, 0.5, -0.0, 1e308, "", " ", "x", "0",
    "-1h", "1h", "99999999999h", "9" * 290, "20:45-07:00", "24:00-24:00", "00:00-00:00", "25:61-99:99",
    "٢٠:٤٥-٠٧:٠٠",
    "service:", "service:youtube", "category:", "category:gambling", "..", "a.b", "*.kz", "xn--", "xn--a.b",
    "é" * 100, "\U0001f600.example", "a" * 300, "\u202e", "null", "~", "!!python/object:os.system", "&a [*a]",
    "2026-02-30", "9999-12-31", "0000-00-00", TABLET, "ff:ff:ff:ff:ff:ff", "fe80::1%eth0", "0.0.0.0/0",
    "::/0",
    [], [None], [[]], [True], [1], ["x"] * 300, ["20:45-07:00"] * 3, [{}], {}, {"": None}, {"school": None},
    {"school": []}, {"school": ["20:45-07:00", None]}, {"school": {"free": "1h"}}, {"free": 10**30},
    {"a/b": {"c": "d"}}, {"mon": "1h", "mon,tue": "2h"}, {"people": ["daughter", "daughter"]}, DEEP,
)  # fmt: skip
KEYS = (
    "name", "band", "devices", "mode", "categories", "allow", "block", "homework", "safe_search", "bedtime",
    "limits", "windows", "strict", "log_level", "failure", "clock_unset", "ways", "dates", "calendars",
    "auto_approve", "landing", "portal", "ech", "day_starts", "unknown", "new_domains", "",
    "bedtime/school", "bedtime/mon,sun", "bedtime/", "/", "//", "limits/internet", "limits/service:youtube",
    "limits/category:games", "limits/\u202e", "windows/service:roblox", "windows/internet", "windows/x",
    "categories/games", "categories/nothing", "dates/2026-12-31", "dates/2026-02-30", "dates/x", "block/a.b",
    "block/category:x", "allow/xn--", "allow/" + "a" * 290, "devices/" + TABLET, "devices/x", "ways/vpn",
    "calendars/x", "calendars/../../etc/passwd", "homework/*.kz", "x/y/z", "__class__", "name/x",
)  # fmt: skip
HOME_KEYS = (
    *FAMILY_KEYS, "lan", "state", "web", "interfaces/br-lan", "interfaces/x",
    "shared/" + TABLET, "shared/x", "managed/" + TABLET, "keep_profile/" + TABLET, "gateway_ports/x",
    "profiles", "lists/update", "lists/x",
)  # fmt: skip

SOME = pytest.mark.parametrize(
    "every", [pytest.param(19, id="some"), pytest.param(1, id="all", marks=[pytest.mark.slow])]
)


def foreseen(desk: Desk, do: str, **values: object) -> bool:
    """Whether it was taken. Anything but an answer and a refusal fails the test."""
    sent = decode(encode({"do": do, **values}))
    sent.pop("do")
    try:
        encode(desk.ask(do, Role.OWNER, **sent))
    except GatewayError:
        return False
    except Exception as error:  # noqa: BLE001 - the one that we look for
        pytest.fail(f"{do} {json.dumps(values)[:300]}: {error!r}")
    return True


def all_holds(desk: Desk) -> None:
    for path in desk.folder.glob("**/*.yaml"):
        parse_document(path.read_bytes(), path.name)
    assert desk.rules.household.problems == {}


@SOME
def test_a_child_s_rules_take_or_refuse_whatever_is_sent(make: Make, every: int) -> None:
    desk = make(NOON)
    for key, value in list(product(KEYS, VALUES))[::every]:
        foreseen(desk, "why", profile="son", host="www.youtube.com", set={key: value})
        foreseen(desk, "week", id="son", set={key: value})
        if foreseen(desk, "edit", id="son", set={key: value}, by="Mum"):
            for do in ("rules", "profile", "week", "history"):
                assert foreseen(desk, do, id="son"), (do, key, value)
            assert foreseen(desk, "ledger", who="son")
            assert foreseen(desk, "status")
    all_holds(desk)


@SOME
def test_the_home_s_file_takes_or_refuses_whatever_is_sent(make: Make, every: int) -> None:
    desk = make(NOON)
    for key, value in list(product(HOME_KEYS, VALUES))[::every]:
        if foreseen(desk, "edit_family", set={key: value}, by="Mum"):
            assert foreseen(desk, "family")
            assert foreseen(desk, "status")
    all_holds(desk)


@SOME
def test_a_new_child_takes_or_refuses_whatever_is_sent(make: Make, every: int) -> None:
    desk = make(NOON)
    for key, value in list(product(KEYS, VALUES))[:: 3 * every]:
        foreseen(desk, "add_profile", name="New", band="10-12", set={key: value}, trial=True, by="Mum")
    all_holds(desk)
