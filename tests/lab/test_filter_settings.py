"""Settings, messages to a phone and second home on the real daemon and pages, from devices of the home."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import pace
from tests.lab import clients, names
from tests.lab.daemon import Daemon
from tests.lab.filtering import DAUGHTER, MUM, SON, ZONE
from tests.lab.home import ROOT, Home
from tests.lab.netns import Namespace, stop
from tests.lab.test_filter_accounts import Phone

pytestmark = pytest.mark.lab

NTFY, PORT = "45.60.1.1", 8098  # an address of the internet, which the pretended one lacks
SETTINGS = "/parent/settings/"


@pytest.fixture
def daemon(home: Home) -> Iterator[Daemon]:
    shutil.rmtree(home.folder / "qalqan" / "state", ignore_errors=True)
    profiles = {"daughter": DAUGHTER, "son": SON, "mum": MUM}
    with Daemon(home, profiles, settings={"timezone": ZONE.key, "country": "kz"}, web=True) as started:
        yield started


@pytest.fixture
def mum(home: Home, daemon: Daemon) -> Phone:
    phone = Phone(home, "parent")
    token = str(daemon.client.call("guardian", action="add", name="Mum")["token"])
    assert phone.post("/signin", code=token).status == 303
    return phone


def field(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found is not None, page
    return html.unescape(found[1])


def until(check: Callable[[], object], seconds: float = 12) -> None:
    assert pace.until(check, seconds, 0.1) is not None


@contextmanager
def ntfy(place: Namespace, host: str, log: Path) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """A server; what it was told."""
    with log.open("wb") as out:
        argv = [sys.executable, "-m", "tests.webui.standin.ntfy_world", f"{host}:{PORT}"]
        process: subprocess.Popen[bytes] = place.popen(argv, stdout=out, cwd=ROOT)
    try:
        until(lambda: log.read_text().startswith("ready"))
        yield lambda: [json.loads(line) for line in log.read_text().splitlines()[1:]]
    finally:
        stop(process)


def test_a_daemon_that_dies_before_anybody_asked_leaves_the_help_lines(home: Home, daemon: Daemon) -> None:
    """The pages were never opened; the daemon is killed as by a crash, and stays away."""
    daemon.kill()
    for device, path in (("tablet", "/my"), ("parent", "/why")):
        page = Phone(home, device).get(path)
        assert page.status == 503
        assert "The filter is stopped" in page.body
        assert 'href="tel:111"' in page.body
    daemon.start()
    assert "Someone to talk to" in Phone(home, "tablet").get("/my").body


def test_settings_hold_at_once_and_are_undone(home: Home, daemon: Daemon, mum: Phone) -> None:
    page = mum.get(SETTINGS).body
    held = {"language": "", "country": "kz", "unknown_devices": "guest", "gateway_access": "closed"}
    changed = held | {"country": "gb", "unknown_devices": "quarantine", "revision": field(page, "revision")}
    assert mum.post(SETTINGS, **changed).status == 303
    family = daemon.client.call("family")
    assert (family["country"], family["unknown_devices"]) == ("gb", "quarantine")
    assert any("0800 1111" in str(one) for one in daemon.client.call("helplines")["lines"])
    page = mum.get(f"{SETTINGS}zone?region=Europe").body
    zone = {"timezone": "Europe/London", "revision": field(page, "revision")}
    assert mum.post(f"{SETTINGS}zone?region=Europe", **zone).status == 303
    assert str(daemon.client.call("status")["now"]).endswith(("+00:00", "+01:00"))
    page = mum.get(SETTINGS).body
    assert mum.post(f"{SETTINGS}undo", was=field(page, "was")).status == 303
    assert str(daemon.client.call("status")["now"]).endswith("+05:00")
    assert yaml.safe_load(daemon.config.read_text())["timezone"] == ZONE.key
    assert mum.post(SETTINGS, **changed | {"language": "kk"}).status == 409  # of an older page


def test_off_for_half_an_hour_opens_and_on_closes(home: Home, daemon: Daemon, mum: Phone) -> None:
    child = Phone(home, "tablet")
    social = "www.instagram.com"  # by category
    assert clients.curl(home.devices["tablet"], f"https://{social}/").status != 200
    assert mum.post(f"{SETTINGS}off", **{"for": "30"}).status == 303
    assert daemon.client.call("status")["mode"] == "off"
    until(lambda: clients.curl(home.devices["tablet"], f"https://{social}/").status == 200)
    assert "off for everyone until" in child.get("/my").body
    assert "off for everyone until" in mum.get("/parent/").body
    assert mum.post(f"{SETTINGS}on", sent="yes").status == 303
    until(lambda: clients.curl(home.devices["tablet"], f"https://{social}/").status != 200)
    assert "turned time rules and categories off for everyone" in mum.get("/parent/log/").body


def test_a_child_s_rules_go_to_another_child_and_back(home: Home, daemon: Daemon, mum: Phone) -> None:
    page = mum.get("/parent/child/daughter/carry/").body
    address = html.unescape(re.findall(r"<textarea[^>]*>([^<]+)<", page)[0])
    told = mum.get(address.removeprefix("http://qalqan.home.arpa")).body
    assert "TikTok is blocked" in told
    assert mum.post("/parent/import/take", code=field(told, "code"), to="new", name="Aliya").status == 303
    rules = daemon.client.call("rules", id="aliya")
    ours = daemon.client.call("rules", id="daughter")
    assert {key: value for key, value in ours["own"].items() if key not in ("name", "devices")} == {
        key: value for key, value in rules["own"].items() if key != "name"
    }
    assert mum.post("/parent/import/undo", was="aliya").status == 303
    assert not (daemon.profiles / "aliya.yaml").exists()
    hostile = json.dumps(
        {"qalqan": "rules", "version": 1, "name": "x", "band": "10-12", "rules": {"mode": "x"}}
    )
    assert mum.post("/parent/import/", text=hostile).status == 422


def test_a_request_reaches_the_parent_s_phone(home: Home, daemon: Daemon, mum: Phone) -> None:
    home.internet.run(["ip", "addr", "replace", f"{NTFY}/32", "dev", "lo"], check=True)
    home_server = home.seats["new"].ipv4
    topic = f"http://{NTFY}:{PORT}/our-topic"
    with (
        ntfy(home.internet, NTFY, home.folder / "ntfy-internet") as outside,
        ntfy(home.devices["new"], home_server, home.folder / "ntfy-home") as inside,
    ):
        kinds = {"kinds": "request", "at_night": "request", "quiet-from": "22:00", "quiet-to": "07:00"}
        assert mum.post("/parent/alerts/add/ntfy", address=topic).status == 303
        assert mum.post("/parent/alerts/", **kinds).status == 303
        assert mum.post("/parent/alerts/test", sent="yes").status == 303
        assert [one["body"][:14] for one in outside()] == ["This is a test"]
        daemon.client.call("request", device=names.TABLET.mac, minutes=30)
        until(lambda: len(outside()) == 2)
        assert (outside()[1]["body"], outside()[1]["path"]) == ("1 request waits.", "/our-topic")
        assert outside()[1]["Click"] == "http://qalqan.home.arpa/parent/requests"

        time.sleep(10)  # the next test message
        at_home = f"http://{home_server}:{PORT}/x"
        assert mum.post("/parent/alerts/add/ntfy", address=at_home).status == 303
        assert mum.post("/parent/alerts/test", sent="yes").status == 303
        assert "The server is not on the internet." in mum.get("/parent/alerts/").body
        time.sleep(10)
        assert mum.post("/parent/alerts/add/ntfy", address=at_home, inside="yes").status == 303
        assert mum.post("/parent/alerts/test", sent="yes").status == 303
        assert [one["path"] for one in inside()] == ["/x"]
    audit = str(daemon.client.call("audit_log"))
    assert "our-topic" not in audit + daemon.web_log.read_text()
