"""Unusual and correct: connections to an allowed site that end early, begin large, or use a port again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.lab.daemon import Daemon
from tests.lab.filtering import ALLOWED, FAMILIES, REFUSED, address, fresh, module
from tests.lab.home import Home

pytestmark = pytest.mark.lab

SIZES = [0, 2_000, 20_000, 60_000]  # bytes in addition to a usual hello


@pytest.fixture(scope="module")
def daemon(home: Home) -> Iterator[Daemon]:
    home.begin_anew()
    with fresh(home) as started:
        yield started


def tried(home: Home, version: int, *tries: dict[str, Any]) -> list[str]:
    common = {"host": ALLOWED, "refused": REFUSED, "version": version, "size": 0}
    common["address"] = address(ALLOWED, version)
    found: list[str] = json.loads(
        module(home.devices["tablet"], "unusual", stdin=json.dumps([{**common, **one} for one in tries]))
    )
    return found


def refusals(daemon: Daemon) -> int:
    count: int = daemon.client.call("status")["flows"]["refused"]
    return count


@FAMILIES
def test_an_end_before_the_answer_is_neither_refused_nor_counted(
    home: Home, daemon: Daemon, version: int
) -> None:
    before = refusals(daemon)
    assert tried(home, version, *[{"kind": "end", "size": size} for size in SIZES]) == ["answered"] * 4
    assert refusals(daemon) == before


@FAMILIES
def test_a_large_hello_is_judged_by_its_name(home: Home, daemon: Daemon, version: int) -> None:
    allowed = tried(home, version, *[{"kind": "large", "size": size} for size in SIZES])
    assert allowed == ["answered"] * 4
    refused = tried(home, version, *[{"kind": "large", "size": size, "host": REFUSED} for size in SIZES])
    assert refused == ["ConnectionResetError"] * 4


@FAMILIES
@pytest.mark.parametrize("size", SIZES)
def test_the_port_of_a_refused_connection_serves_an_allowed_one(
    home: Home, daemon: Daemon, version: int, size: int
) -> None:
    """At the latest 12 s afterwards: until then the kernel may know the refused connection."""
    assert tried(home, version, *[{"kind": "reuse", "size": size}] * 3) == ["answered"] * 3


@pytest.mark.parametrize("option", ["record route", "timestamp"])
def test_an_ip_option_that_routers_write(home: Home, daemon: Daemon, option: str) -> None:
    allowed, refused = tried(
        home,
        4,
        {"kind": "fetch", "option": option},
        {"kind": "fetch", "option": option, "host": REFUSED},
    )
    assert (allowed, refused) == ("answered", "ConnectionResetError")
