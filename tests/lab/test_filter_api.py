"""The API on the real daemon and pages, what fits its document, and what does not."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest

from gateway.policy.yaml.documents import parse_document
from tests.lab import names
from tests.lab.apicaller import PAGES, Caller, by_session, by_token, link_of
from tests.lab.daemon import Daemon
from tests.lab.filtering import DAUGHTER, MUM, SON, ZONE
from tests.lab.home import Home
from tests.webui.api.fuzzed import fuzz
from webui.api.answering import OPERATIONS

pytestmark = pytest.mark.lab

BY_SESSION = tuple(one.name for one in OPERATIONS if one.by_session)
SLOWEST = 800.0  # seconds, on a machine that others share
ENDING = ("children_remove", "devices_forget")  # what the others need would be gone
ITS_OWN_END = ("account_end",)  # its ids are told by `account_sessions`, and schemathesis learns them
KNOWN = {
    "child": "daughter", "mac": names.TABLET.mac, "number": "1", "way": "vpn", "host": "www.tiktok.com",
    "person": "Dad",
}  # fmt: skip
MANY = 15  # requests of each kind
EXAMPLES = pytest.mark.parametrize(
    "examples", [pytest.param(1, id="few"), pytest.param(MANY, id="many", marks=pytest.mark.slow)]
)


@pytest.fixture
def daemon(home: Home) -> Iterator[Daemon]:
    shutil.rmtree(home.folder / "qalqan" / "state", ignore_errors=True)
    profiles = {"daughter": {**DAUGHTER, "log_level": 2}, "son": SON, "mum": MUM}
    with Daemon(home, profiles, settings={"timezone": ZONE.key, "country": "kz"}, web_user=True) as started:
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
    for log in (daemon.log, daemon.web_log):
        assert "Traceback" not in log.read_text(errors="replace")


@pytest.mark.timeout(900)
@pytest.mark.slow  # `make test-system` has the same calls to the pages alone: tests/webui/api/test_fuzzed.py
def test_schemathesis_finds_nothing_by_token(home: Home, daemon: Daemon, hall: Caller) -> None:
    pid, device = daemon.pid, hall.device.command([])
    found = fuzz(
        PAGES, hall.headers, MANY, *device, without=(*BY_SESSION, *ENDING), known=KNOWN, timeout=SLOWEST
    )
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


def test_roles_hold_and_what_is_ended_is_ended_at_once(
    home: Home, daemon: Daemon, mum: Caller, hall: Caller
) -> None:
    """The pages are a user of their own here, so that the daemon itself holds to every role."""
    oma = by_session(home, link_of(daemon, "Oma", "helper", 20), "phone")
    button, support = by_token(home, mum, "helper"), by_token(home, mum, "support")
    child = "/children/daughter"
    assert oma.done("POST", f"{child}/grants", {"minutes": 15})["minutes"] == 15
    more = oma.ask("POST", f"{child}/grants", {"minutes": 10})
    assert (more.status, more.json["code"], more.json["values"]) == (403, "helper_minutes", {"minutes": 5})
    for role in (oma, button):
        assert role.get(child)["devices"] == []
        for method, path in (("GET", f"{child}/history"), ("GET", "/devices"), ("POST", "/home/off")):
            assert role.ask(method, path).status == 403, path
    told = support.ask("GET", "/health").body + support.ask("GET", "/health/support").body
    for word in (b"aughter", b"tiktok", names.TABLET.mac.encode(), names.TABLET.ipv4.encode()):
        assert word not in told
    for path in ("/home", "/children", child, f"{child}/summary", "/requests", "/audit-log", "/events"):
        assert support.ask("GET", path).status == 403, path
    # A token that is ended opens nothing from then on, and none outlives the account that made it.
    ids = {one["label"]: one["id"] for one in mum.get("/account/tokens")["tokens"]}
    assert hall.ask("GET", "/account/tokens").json["code"] == "session_only"
    mum.done("DELETE", f"/account/tokens/{ids['support']}")
    assert support.ask("GET", "/health").status == 401
    link_of(daemon, "Dad")
    daemon.client.call("guardian", action="remove", name="Mum")
    for it in (hall, button, mum):
        assert it.ask("GET", "/account").status == 401


def test_a_backup_goes_out_and_comes_back_and_conflicts_are_told(
    home: Home, daemon: Daemon, mum: Caller, hall: Caller
) -> None:
    rules = "/children/daughter/rules"
    made = mum.ask("POST", "/backup", {"password": "four quiet words"})
    assert made.headers["content-type"] == "application/octet-stream"
    kept = home.folder / "a.backup"
    kept.write_bytes(made.body)
    before = hall.get(rules)
    change = {"set": {"block/example.net": True}, "revision": before["revision"]}
    hall.done("PATCH", rules, change)
    late = hall.ask("PATCH", rules, change)
    assert (late.status, late.json["code"]) == (409, "changed_meanwhile")

    form = ("-F", f"file=@{kept}", "-F", "password=four quiet words")
    opened = mum.ask("POST", "/backup/opened", None, *form)
    assert opened.status == 201, opened
    place = f"/backup/opened/{opened.json['token']}"
    look = mum.get(place)
    assert (look["by"], look["changed"], look["same"]) == ("Mum", ["Daughter"], False)
    assert hall.ask("GET", place).json["code"] == "session_only"
    assert mum.done("POST", f"{place}/apply") == {"problems": []}
    assert hall.get(rules)["own"] == before["own"]
    assert mum.get("/backup/last")["last"]["undo"] is True
    mum.done("POST", "/backup/undo")
    assert "example.net" in hall.get(rules)["own"]["block"]


def test_a_daemon_that_is_killed_is_told_as_such_and_comes_back(
    home: Home, daemon: Daemon, mum: Caller, hall: Caller
) -> None:
    lines = hall.get("/home/help-lines")["lines"]
    daemon.kill()
    lost = hall.ask("GET", "/home")
    assert (lost.status, lost.json["code"], lost.headers["retry-after"]) == (503, "unreachable", "5")
    assert lines
    assert hall.get("/home/help-lines")["lines"] == lines
    daemon.start()
    assert hall.get("/home")["mode"] == "on"
