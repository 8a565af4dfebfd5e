"""The API on the real daemon and pages, what fits its document, and what does not."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest

from gateway.policy.documents import parse_document
from tests.lab import names
from tests.lab.apicaller import PAGES, Caller, by_session, by_token, link_of
from tests.lab.daemon import Daemon
from tests.lab.filtering import DAUGHTER, MUM, SON, ZONE
from tests.lab.home import Home
from tests.webui.api.fuzzed import fuzz
from webui.api.answering import OPERATIONS

pytestmark = pytest.mark.lab

BY_SESSION = tuple(one.name for one in OPERATIONS if one.by_session)
ENDING = ("children_remove", "devices_forget")  # what the others need would be gone
ITS_OWN_END = ("account_end",)  # its ids are told by `account_sessions`, and schemathesis learns them
KNOWN = {
    "child": "daughter", "mac": names.TABLET.mac, "number": "1", "way": "vpn", "host": "www.tiktok.com",
    "person": "Dad",
}  # fmt: skip
EXAMPLES = pytest.mark.parametrize(
    "examples", [pytest.param(1, id="few"), pytest.param(40, id="many", marks=pytest.mark.slow)]
)


@pytest.fixture
def daemon(home: Home) -> Iterator[Daemon]:
    shutil.rmtree(home.folder / "qalqan" / "state", ignore_errors=True)
    profiles = {"daughter": {**DAUGHTER, "log_level": 2}, "son": SON, "mum": MUM}
    with Daemon(home, profiles, settings={"timezone": ZONE.key, "country": "kz"}, web=True) as started:
        yield started


@pytest.fixture
def mum(home: Home, daemon: Daemon) -> Caller:
    """Signed in, in a browser."""
    return by_session(home, link_of(daemon))


@pytest.fixture
def hall(home: Home, mum: Caller) -> Caller:
    """A program with a token that may all that Mum may."""
    return by_token(home, mum)


def check_all_is_well(home: Home, daemon: Daemon, pid: int, it: Caller) -> None:
    """The same daemon runs on, what the family's files say can be used, and nothing was unforeseen."""
    os.kill(pid, 0)
    assert daemon.pid == pid
    assert daemon.client.call("reload")["problems"] == []
    for path in (daemon.config, *daemon.profiles.glob("*.yaml")):
        parse_document(path.read_bytes(), path.name)
    assert it.get("/home")["problems"] == []
    assert it.get("/my")["mac"] == names.PARENT.mac
    for log in (daemon.log, home.folder / "qalqan" / "web.log"):
        assert "Traceback" not in log.read_text(errors="replace")


@pytest.mark.timeout(900)
@EXAMPLES
def test_schemathesis_finds_nothing_by_token(home: Home, daemon: Daemon, hall: Caller, examples: int) -> None:
    pid, device = daemon.pid, hall.device.command([])
    found = fuzz(PAGES, hall.headers, examples, *device, without=(*BY_SESSION, *ENDING), known=KNOWN)
    assert not found, found
    check_all_is_well(home, daemon, pid, hall)
    done = {line["what"] for line in hall.get("/audit-log")["lines"] if line["token"]}
    assert done, "it only met closed doors"


@pytest.mark.timeout(900)
@EXAMPLES
def test_schemathesis_finds_nothing_by_session(
    home: Home, daemon: Daemon, mum: Caller, hall: Caller, examples: int
) -> None:
    pid, device = daemon.pid, mum.device.command([])
    # Its cookie is a part of each request: without the scheme schemathesis leaves it alone.
    document = hall.get("/openapi.json")
    del document["components"]["securitySchemes"]
    for way in (way for ways in document["paths"].values() for way in ways.values()):
        way.pop("security", None)
    only = [name for name in BY_SESSION if name not in ITS_OWN_END]
    found = fuzz(PAGES, mum.headers, examples, *device, only=only, document=document)
    assert not found, found
    check_all_is_well(home, daemon, pid, mum)
