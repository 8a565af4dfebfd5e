"""Every command that asks the daemon, against the real one in the virtual home."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
import yaml

from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from gateway.dataplane.internet import PERIOD
from tests.core_dumps import NONE, core_limits
from tests.lab import names
from tests.lab.daemon import Daemon
from tests.lab.filtering import ALLOWED
from tests.lab.home import ROOT, Home
from tests.pace import longest
from tests.sentences import sentence

pytestmark = pytest.mark.lab

PROFILES: Mapping[str, Mapping[str, Any]] = {
    "daughter": {
        "name": "Aruzhan",
        "band": "10-12",
        "devices": [names.TABLET.mac],
        "block": ["service:tiktok"],
    },
    "son": {"name": "Son", "band": "13-15", "devices": [names.PHONE.mac]},
    "mum": {"name": "Mum", "band": "adult"},
}


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    with Home() as home, Daemon(home, PROFILES) as running:
        yield running


def qalqan(daemon: Daemon, *words: str, status: int = 0) -> str:
    """What it prints; on standard error when it is refused."""
    argv = [sys.executable, "-m", "gateway", "--config", str(daemon.config), *words]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=90)
    assert done.returncode == status, done
    return done.stderr if status else done.stdout


def state(daemon: Daemon, profile: str) -> str:
    answer = json.loads(qalqan(daemon, "status", "--json"))
    return str(next(entry["state"] for entry in answer["profiles"] if entry["id"] == profile))


def test_check_beside_a_daemon_that_runs(daemon: Daemon) -> None:
    argv = [sys.executable, "-m", "gateway", "check", "--json", "--config", str(daemon.config)]
    gateway = daemon.home.gateway
    done = subprocess.run(gateway.command(argv), cwd=ROOT, capture_output=True, text=True, timeout=90)
    answer = json.loads(done.stdout)
    assert (done.returncode, answer["errors"]) == (0, 0), answer
    # The virtual home has public IPv6 addresses and no firewall.
    assert "ipv6" in [finding["about"] for finding in answer["findings"] if finding["level"] == "warning"]


def test_status(daemon: Daemon) -> None:
    out = qalqan(daemon, "status")
    assert "Aruzhan" in out
    assert "packets" in out
    assert state(daemon, "daughter") == "open"


def test_the_support_file_names_nobody(daemon: Daemon) -> None:
    text = qalqan(daemon, "support")
    support = json.loads(text)
    assert support["figures"]["queues"] > 0
    assert "queue" in [finding["about"] for finding in support["findings"]]
    for marker in ("Aruzhan", "daughter", names.TABLET.mac, "tiktok", "Mum"):
        assert marker not in text, marker


def test_no_core_dump_has_the_rules(daemon: Daemon) -> None:
    assert core_limits(daemon.pid) == NONE


def test_support_fetches_the_report_only_while_a_parent_allows_it(daemon: Daemon) -> None:
    refused = f"qalqan: {Code.NOT_APPROVED.sentence}\n"
    assert qalqan(daemon, "support", "--approved", status=1) == refused
    daemon.client.call("support_access", minutes=60, by="Mum")
    text = qalqan(daemon, "support", "--approved")
    report = json.loads(text)
    assert report["code"].startswith(f"{report['file']['version']}-")
    assert "queue" in [finding["about"] for finding in report["file"]["findings"]]
    for marker in ("Aruzhan", "daughter", names.TABLET.mac, "tiktok", "Mum"):
        assert marker not in text, marker
    daemon.client.call("support_access", by="Mum")
    assert qalqan(daemon, "support", "--approved", status=1) == refused


def test_a_backup_brings_the_rules_back_and_they_hold(daemon: Daemon, tmp_path: Path) -> None:
    file, password = tmp_path / "home.backup", tmp_path / "password"
    password.write_text("four quiet words\n")
    words = (str(file), "--password-file", str(password))
    assert "only the password opens it" in qalqan(daemon, "backup", *words)
    opened = ("why", "tiktok.com", "--profile", "daughter", "--json")
    daemon.client.call("edit", id="daughter", set={"block": None})
    assert json.loads(qalqan(daemon, *opened))["rule"] != "block: service:tiktok"
    out = qalqan(daemon, "restore", *words, "--yes")
    assert "Changed: Aruzhan" in out
    assert json.loads(qalqan(daemon, *opened))["rule"] == "block: service:tiktok"
    qalqan(daemon, "restore", "--undo")
    assert json.loads(qalqan(daemon, *opened))["rule"] != "block: service:tiktok"
    qalqan(daemon, "restore", *words, "--yes")
    password.write_text("another password\n")
    refused = qalqan(daemon, "restore", *words, status=1)
    assert refused == f"qalqan: {Code.BACKUP_LOCKED.sentence}\n"


def test_a_pause_and_its_end(daemon: Daemon) -> None:
    assert "until" in qalqan(daemon, "pause", "aruzhan", "--for", "30m")
    assert state(daemon, "daughter") == "paused"
    assert state(daemon, "son") == "open"
    why = json.loads(qalqan(daemon, "why", "example.com", "--profile", "daughter", "--json"))
    assert (why["verdict"], why["reason"]) == ("block", "paused")
    out = qalqan(daemon, "why", "example.com", "--device", names.TABLET.mac)
    assert "The internet is paused" in out
    assert "files alone" not in out
    qalqan(daemon, "resume", "daughter")
    assert state(daemon, "daughter") == "open"


def test_all_means_every_child(daemon: Daemon) -> None:
    qalqan(daemon, "pause", "all")
    assert (state(daemon, "daughter"), state(daemon, "son")) == ("paused", "paused")
    qalqan(daemon, "resume", "all")
    assert (state(daemon, "daughter"), state(daemon, "son")) == ("open", "open")


def test_a_pause_without_an_end_ends_at_each_childs_own_wake_time(daemon: Daemon) -> None:
    daemon.write_profile("son", {**PROFILES["son"], "bedtime": "22:00-05:30"})
    daemon.client.call("reload")
    wakes = {"daughter": ("07:00", "08:00"), "son": ("05:30", "05:30")}
    for who in ("all", "daughter", "son"):
        out = qalqan(daemon, "pause", who)
        answer = json.loads(qalqan(daemon, "status", "--json"))
        for entry in answer["profiles"]:
            if who in ("all", entry["id"]):
                assert entry["until"][11:16] in wakes[entry["id"]], entry
        assert any(out.strip().endswith(time) for time in wakes["daughter" if who == "all" else who]), out
        qalqan(daemon, "resume", who)
    daemon.write_profile("son", PROFILES["son"])
    daemon.client.call("reload")


def test_one_child_of_all_is_resumed(daemon: Daemon) -> None:
    qalqan(daemon, "pause", "all", "--for", "30m")
    qalqan(daemon, "resume", "son")
    assert (state(daemon, "daughter"), state(daemon, "son")) == ("paused", "open")
    out = qalqan(daemon, "resume", names.TABLET.mac, status=1)
    assert "Aruzhan" in out
    qalqan(daemon, "resume", "all")
    assert state(daemon, "daughter") == "open"


def test_a_strangers_pause_is_its_own(daemon: Daemon) -> None:
    stranger, other = "02:00:00:00:00:98", "02:00:00:00:00:99"
    qalqan(daemon, "pause", stranger)
    try:
        reasons = [
            json.loads(qalqan(daemon, "why", "example.com", "--device", mac, "--json"))["reason"]
            for mac in (stranger, other)
        ]
        assert reasons == ["paused", "open"]
    finally:
        qalqan(daemon, "resume", stranger)


def test_the_pause_of_one_device_is_not_the_childs(daemon: Daemon) -> None:
    qalqan(daemon, "pause", names.TABLET.mac, "--for", "30m")
    assert state(daemon, "daughter") == "open"
    for whom, reason in ((("--profile", "daughter"), "open"), (("--device", names.TABLET.mac), "paused")):
        assert json.loads(qalqan(daemon, "why", "example.com", *whom, "--json"))["reason"] == reason
    qalqan(daemon, "resume", names.TABLET.mac)


def test_places_of_a_device_that_is_no_childs(daemon: Daemon) -> None:
    mac = "02:00:00:00:00:97"

    def listed() -> str:
        devices = json.loads(qalqan(daemon, "device", "list", "--json"))["devices"]
        return str(next(device["profile"] for device in devices if device["mac"] == mac))

    def reason(host: str, at: str) -> str:
        out = qalqan(daemon, "why", host, "--device", mac, "--json", "--at", at)
        return str(json.loads(out)["reason"])

    night = ("www.example.org", "2026-11-25T03:00")
    for place, expected in (
        ("guest", "bedtime"),
        ("Visitor", "open"),
        ("adult", "unfiltered"),
        ("home", "unfiltered"),
        ("daughter", "bedtime"),
    ):
        out = qalqan(daemon, "device", "assign", mac, place)
        assert out == f"{mac} is {place.lower()} now\n"
        assert (listed(), reason(*night)) == (place.lower(), expected)
    qalqan(daemon, "device", "forget", mac)
    assert "no such profile" in qalqan(daemon, "device", "assign", mac, "uncle", status=1)


def test_an_adult_is_not_paused(daemon: Daemon) -> None:
    assert qalqan(daemon, "pause", "mum", status=1).count("\n") == 1


def test_off_and_on(daemon: Daemon) -> None:
    def verdict() -> str:
        why = qalqan(daemon, "why", "tiktok.com", "--profile", "daughter", "--json")
        return str(json.loads(why)["verdict"])

    assert verdict() == "block"
    qalqan(daemon, "off", "--for", "5m")
    assert verdict() == "allow"
    qalqan(daemon, "on")
    assert verdict() == "block"


def test_the_providers_stop_is_shown_and_audited(daemon: Daemon) -> None:
    before = daemon.config.read_text()
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(days=30)
    settings = {**yaml.safe_load(before), "provider": {"stop_until": until.isoformat()}}
    daemon.config.write_text(yaml.safe_dump(settings))
    daemon.client.call("reload")
    status = daemon.client.call("status")
    off_until = datetime.fromisoformat(status["off_until"])
    assert timedelta(hours=23) < off_until - datetime.fromisoformat(status["now"]) <= timedelta(hours=24)
    assert ", stopped by the internet provider" in qalqan(daemon, "status")
    daemon.config.write_text(before)
    daemon.client.call("reload")
    assert "stopped by the internet provider" not in qalqan(daemon, "status")
    lines = daemon.client.call("audit_log", by="Mum", who="provider")["lines"]
    assert [line["what"] for line in lines][:2] == ["stop end", "stop"]


def test_devices(daemon: Daemon) -> None:
    def owner(mac: str) -> str:
        rows = json.loads(qalqan(daemon, "device", "list", "--json"))["devices"]
        return str(next(device["profile"] for device in rows if device["mac"] == mac))

    assert owner(names.TABLET.mac) == "daughter"
    assert "daughter" in qalqan(daemon, "device", "list")
    qalqan(daemon, "device", "assign", names.NEW.mac, "Son")
    assert owner(names.NEW.mac) == "son"
    assert names.NEW.mac in qalqan(daemon, "profile", "list")
    qalqan(daemon, "device", "forget", names.NEW.mac)
    assert names.NEW.mac not in qalqan(daemon, "profile", "list")
    assert qalqan(daemon, "device", "assign", "nonsense", "son", status=1).count("\n") == 1
    assert qalqan(daemon, "device", "assign", names.NEW.mac, "nobody", status=1).count("\n") == 1


def test_guardians(daemon: Daemon) -> None:
    link = qalqan(daemon, "guardian", "add", "Mum").splitlines()[-1]
    assert link.startswith("http://qalqan.home.arpa/signin?code=")
    assert qalqan(daemon, "guardian", "list") == "Mum\n"
    assert qalqan(daemon, "guardian", "reset", "Mum").splitlines()[-1] != link
    qalqan(daemon, "guardian", "remove", "Mum")
    assert "no guardian yet" in qalqan(daemon, "guardian", "list")
    assert Code.NO_GUARDIAN.sentence in qalqan(daemon, "guardian", "reset", "Mum", status=1)


def test_whether_the_internet_works(daemon: Daemon) -> None:
    def becomes(*states: str) -> bool:
        end = monotonic() + longest(4 * PERIOD)
        while monotonic() < end:
            answer = json.loads(qalqan(daemon, "status", "--json"))
            if answer["internet"] in states:
                assert answer["internet_since"] <= answer["now"]
                return True
            sleep(0.5)
        return False

    gateway = daemon.home.gateway
    fetch = ["curl", "-sSk", "--max-time", "5", "-o", "/dev/null", f"https://{ALLOWED}/"]
    daemon.home.devices[names.TABLET.key].run(fetch, check=True)
    assert becomes("works")
    gateway.run(["ip", "link", "set", names.WAN, "down"], check=True)
    assert becomes("down")
    assert re.search(r"^internet +down since", qalqan(daemon, "status"), re.MULTILINE)
    gateway.run(["ip", "link", "set", names.WAN, "up"], check=True)
    gateway.run(["ip", "route", "add", "default", "via", names.PROVIDER_IPV4], check=True)
    assert becomes("unknown", "works")


def test_a_new_table_is_in_force_at_once(daemon: Daemon) -> None:
    def built() -> str:
        return str(json.loads(qalqan(daemon, "status", "--json"))["table"]["built"])

    before = built()
    qalqan(daemon, "lists", "build")
    assert built() != before


def test_extra_time_and_its_end(daemon: Daemon) -> None:
    daemon.write_profile("daughter", {**PROFILES["daughter"], "bedtime": "00:00-23:59"})
    daemon.client.call("reload")
    try:
        assert state(daemon, "daughter") == "bedtime"
        assert "Aruzhan has 30 more minutes, until" in qalqan(daemon, "grant", "aruzhan", "30m")
        assert state(daemon, "daughter") == "open"
        daemon.kill()
        daemon.start()
        assert state(daemon, "daughter") == "open"
        qalqan(daemon, "grant", "daughter", "--undo")
        assert state(daemon, "daughter") == "bedtime"
        assert Code.NO_EXTRA_TIME.sentence in qalqan(daemon, "grant", "daughter", "--undo", status=1)
    finally:
        daemon.write_profile("daughter", PROFILES["daughter"])
        daemon.client.call("reload")


def test_a_request_and_its_answer(daemon: Daemon) -> None:
    daemon.write_profile("daughter", {**PROFILES["daughter"], "categories": {"social_networks": "ask"}})
    daemon.client.call("reload")
    asked = daemon.client.call("request", device=names.TABLET.mac, site="www.reddit.com", reason="school")
    number = str(asked["request"]["id"])
    assert "Reddit" in qalqan(daemon, "request", "list")

    def verdict() -> str:
        out = qalqan(daemon, "why", "reddit.com", "--profile", "daughter", "--json")
        return str(json.loads(out)["verdict"])

    assert verdict() == "block"
    out = qalqan(daemon, "request", "answer", number, "once", "--because", "for school")
    assert "Reddit is allowed for Aruzhan until" in out
    assert verdict() == "allow"
    assert Code.ANSWERED_BEFORE.sentence in qalqan(daemon, "request", "answer", number, "no", status=1)
    assert "No request waits" in qalqan(daemon, "request", "list")
    daemon.write_profile("daughter", PROFILES["daughter"])
    daemon.client.call("reload")


def test_codes_and_the_ledger(daemon: Daemon) -> None:
    code = qalqan(daemon, "ticket", "all", "15m").splitlines()[0]
    daemon.client.call("redeem", device=names.TABLET.mac, code=code)
    with pytest.raises(ControlError, match=sentence(Code.CODE_USED)):
        daemon.client.call("redeem", device=names.TABLET.mac, code=code)
    qalqan(daemon, "grant", "daughter", "--undo")
    assert "Aruzhan" in qalqan(daemon, "ledger", "daughter")
