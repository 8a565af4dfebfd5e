"""What version 0.1 stored is read by this version: rules, accounts, grants, minutes, activity and backups.

``tests/vectors/state-0.1`` is from ``python -m tests.state_vector``, run with version 0.1. Only the command
line, the API and the control socket are used here, so that the test outlives every change inside.
"""

from __future__ import annotations

import io
import json
import runpy
import shutil
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from tests.lab import names
from tests.lab.apicaller import PAGES, Caller
from tests.lab.daemon import Daemon
from tests.lab.home import ROOT, Home

COPY = ROOT / "tests" / "vectors" / "state-0.1"
ABOUT: dict[str, Any] = json.loads((COPY / "about.json").read_text())
MADE = datetime.fromisoformat(ABOUT["made"])
TELEVISION, PRINTER, VISITORS = names.NEW.mac, "02:00:00:00:00:20", "02:00:00:00:00:21"


def unpack(folder: Path, lan: str = names.LAN) -> Path:
    """Copy the files to ``folder`` and make the database from its text; the path of qalqan.yaml."""
    shutil.copytree(COPY, folder, dirs_exist_ok=True)
    config = folder / "qalqan.yaml"
    text = config.read_text().replace("/HOUSEHOLD", str(folder))
    config.write_text(text.replace(f"- {names.LAN}", f"- {lan}"))
    dump = folder / "state" / "qalqan.sql"
    connection = sqlite3.connect(dump.with_suffix(".db"))
    connection.executescript(dump.read_text())
    connection.close()
    dump.unlink()
    return config


def qalqan(config: Path, *words: str) -> str:
    """Run ``python -m gateway`` in this process; its output."""
    argv = ["qalqan", "--config", str(config), *words]
    with (
        patch.object(sys, "argv", argv),
        redirect_stdout(io.StringIO()) as output,
        pytest.raises(SystemExit) as ended,
    ):
        runpy.run_module("gateway", run_name="__main__")
    assert not ended.value.code, output.getvalue()
    return output.getvalue()


def answer(config: Path, *words: str) -> Any:
    return json.loads(qalqan(config, *words, "--json"))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpack(tmp_path_factory.mktemp("state-0.1"), lan="lo")


def verdict(config: Path, host: str, profile: str, at: str) -> str:
    why = answer(config, "why", host, "--profile", profile, "--at", f"2026-11-{at}")
    return str(why["verdict"])


class TestFiles:
    """Without a daemon."""

    def test_check_finds_no_error(self, files: Path) -> None:
        found = answer(files, "check")
        assert found["errors"] == 0, found
        texts = [finding["text"] for finding in found["findings"] if finding["about"] == "profile"]
        profiles = [text for text in texts if ": band " in text]
        assert len(profiles) == 4, texts
        old_words = [text for text in texts if " is the old word for " in text]
        assert len(profiles) + len(old_words) == len(texts), texts
        assert old_words, "0.1 wrote refuse and open, which check names with the new words"

    def test_every_profile_with_its_devices(self, files: Path) -> None:
        listed = {one["id"]: one for one in answer(files, "profile", "list")["profiles"]}
        assert {key: (one["name"], one["band"]) for key, one in listed.items()} == {
            "daughter": ("Aruzhan", "10-12"),
            "son": ("Timur", "13-15"),
            "teen": ("Dana", "16-17"),
            "mum": ("Mum", "adult"),
        }
        assert listed["daughter"]["devices"] == [names.TABLET.mac]

    @pytest.mark.parametrize(
        ("profile", "host", "at", "expected"),
        [
            ("daughter", "www.tiktok.com", "25T16:10", "block"),  # service:tiktok in block
            ("daughter", "music.example", "25T16:10", "block"),
            ("daughter", "www.reddit.com", "25T16:10", "block"),  # social_networks: ask
            ("daughter", "bet365.com", "25T16:10", "block"),  # gambling: refuse
            ("daughter", "vimeo.com", "25T16:10", "allow"),  # video_sharing: count
            ("daughter", "tinder.com", "25T16:10", "allow"),  # dating: open
            ("daughter", "khanacademy.org", "25T16:10", "allow"),
            ("daughter", "nordvpn.com", "25T16:10", "block"),  # by the band
            ("daughter", "www.roblox.com", "25T18:30", "block"),  # outside of its window
            ("daughter", "bilimland.kz", "25T20:29", "allow"),
            ("daughter", "bilimland.kz", "25T20:31", "block"),  # bedtime
            ("Aruzhan", "kk.wikipedia.org", "25T20:29", "allow"),  # by name
            ("daughter", "kk.wikipedia.org", "26T21:14", "allow"),  # the bedtime that ends on Friday
            ("daughter", "kk.wikipedia.org", "26T21:16", "block"),
            ("son", "www.example.org", "25T16:10", "allow"),  # allow-list
            ("son", "example.com", "25T16:10", "block"),
            ("son", "www.instagram.com", "25T16:10", "block"),  # the law that is on
            ("mum", "www.tiktok.com", "25T23:30", "allow"),
        ],
    )
    def test_verdicts(self, files: Path, profile: str, host: str, at: str, expected: str) -> None:
        assert verdict(files, host, profile, at) == expected

    def test_dates_and_calendar(self, files: Path) -> None:
        """A holiday of school.ics, a Saturday at school, and a date without a bedtime."""
        for moment, expected in (
            ("2026-11-03T21:30", "allow"),  # a free day of the calendar: bedtime at 21:45
            ("2026-11-10T21:30", "block"),
            ("2026-12-18T21:00", "block"),  # a Friday, before a Saturday at school
            ("2026-12-11T21:00", "allow"),
            ("2026-12-31T23:30", "allow"),
        ):
            why = answer(files, "why", "kk.wikipedia.org", "--profile", "daughter", "--at", moment)
            assert why["verdict"] == expected, moment

    def test_the_category_table_and_own_lists(self, files: Path) -> None:
        status = answer(files, "lists", "status")
        assert status["table"]["names"] == 1996
        found = answer(files, "lists", "lookup", "bet365.com")
        assert found["matches"] == [{"name": "bet365.com", "categories": ["gambling"]}]


@contextmanager
def running() -> Iterator[Daemon]:
    """The real daemon and pages, two minutes after the files were copied."""
    with Home() as home:
        daemon = Daemon(home, {}, web_user=True)
        unpack(daemon.folder)
        daemon.start_at((MADE + timedelta(minutes=2)).timestamp() - time.time())
        try:
            yield daemon
        finally:
            daemon.stop()


def program(household: Daemon) -> Caller:
    """A program with the token that Mum made."""
    device = household.home.devices[names.PARENT.key]
    return Caller(device, {"Authorization": ABOUT["signin"]["Authorization"]})


@pytest.fixture(scope="module")
def household(namespaces: None) -> Iterator[Daemon]:
    """For tests that change nothing."""
    with running() as daemon:
        yield daemon


@pytest.fixture
def own_household(namespaces: None) -> Iterator[Daemon]:
    """For one test, which may change it."""
    with running() as daemon:
        yield daemon


@pytest.fixture(scope="module")
def api(household: Daemon) -> Caller:
    return program(household)


def child(household: Daemon, profile: str) -> dict[str, Any]:
    profiles = answer(household.config, "status")["profiles"]
    return next(one for one in profiles if one["id"] == profile)


class TestDaemon:
    """What the daemon and the pages show."""

    def test_no_problem_and_the_database_is_the_old_one(self, household: Daemon) -> None:
        status = answer(household.config, "status")
        assert (status["problems"], status["store"]["renewals"]) == ([], 0)
        assert not list(household.state.glob("*.broken-*"))

    def test_the_pause_of_a_child(self, household: Daemon) -> None:
        son = child(household, "son")
        assert (son["state"], son["until"][:16]) == ("paused", "2026-11-26T16:00")
        assert "Mum" in son["owner"]

    def test_extra_time_and_the_minutes_used_today(self, household: Daemon) -> None:
        used = {one["target"]: one for one in child(household, "daughter")["used"]}
        found = {key: (one["limit"], one["bonus"]) for key, one in used.items()}
        assert found == {"play": (75, 35), "internet": (120, 0), "service:youtube": (60, 10)}
        assert {one["minutes"] for one in used.values()} == {1}

    def test_the_minutes_of_earlier_days(self, household: Daemon) -> None:
        for day in ("2026-11-23", "2026-11-24"):
            ledger = answer(household.config, "ledger", "daughter", "--day", day)
            totals = {one["target"]: one["minutes"] for one in ledger["totals"]}
            assert totals.keys() == {"internet", "play", "service:youtube"}
            assert min(totals.values()) >= 1
            assert {one["device"] for one in ledger["minutes"]} == {names.TABLET.mac}

    def test_devices_and_their_owners(self, household: Daemon) -> None:
        devices = {one["mac"]: one for one in answer(household.config, "device", "list")["devices"]}
        owners = {
            names.TABLET.mac: "daughter",
            names.PHONE.mac: "son",
            names.PARENT.mac: "mum",
            PRINTER: "home",
            VISITORS: "guest",
        }
        assert {mac: devices[mac]["profile"] for mac in owners} == owners
        assert devices[PRINTER]["name"] == "Printer"
        assert devices[names.TABLET.mac]["no_mobile_data"]
        assert devices[names.PHONE.mac]["managed"] == ["vpn.school.kz"]
        assert devices[TELEVISION]["shared"] == ["daughter", "son"]
        assert devices[VISITORS]["adult_proof"]["by"] == "Mum"
        assert devices[names.TABLET.mac]["first_seen"].startswith("2026-11-23")

    def test_requests_with_their_answers(self, household: Daemon) -> None:
        requests = answer(household.config, "request", "list", "--all")["requests"]
        found = {one["id"]: (one["topic"], one["state"], one["answer"], one["because"]) for one in requests}
        assert found == {
            1: ("site", "pending", None, ""),
            2: ("time", "answered", "no", "Dinner is ready"),
            3: ("site", "answered", "today", "Have fun"),
            4: ("time", "pending", None, ""),
        }

    def test_a_site_that_was_opened_for_today(self, household: Daemon) -> None:
        why = answer(household.config, "why", "www.instagram.com", "--device", names.TABLET.mac)
        assert why["verdict"] == "allow"
        tomorrow = ("--at", "2026-11-26T16:00")
        why = answer(household.config, "why", "www.instagram.com", "--device", names.TABLET.mac, *tomorrow)
        assert why["verdict"] == "block"

    def test_a_guardian_signs_in_with_the_password(self, household: Daemon) -> None:
        listed = qalqan(household.config, "guardian", "list")
        assert "Mum" in listed
        assert "Grandma" in listed
        device = household.home.devices[names.PARENT.key]

        def status(password: str) -> str:
            form = ["-d", "name=Mum", "--data-urlencode", f"password={password}"]
            ends = ["-o", "/dev/null", "-w", "%{http_code}"]
            page = f"{PAGES}/signin/password"
            command = ["curl", "-sS", "--max-time", "20", "-H", f"Origin: {PAGES}", *form, *ends, page]
            return device.run(command, check=True).stdout

        assert status("not the password") == "403"
        assert status(ABOUT["signin"]["password"]) == "303"

    def test_pins_agreement_and_a_childs_own_limits(self, household: Daemon, api: Caller) -> None:
        assert household.client.call("pin", action="check", device=names.TABLET.mac, pin=ABOUT["pin"])
        assert api.get("/children/daughter/agreement")["by"] == "Mum"
        choices = {one["key"]: one["value"] for one in api.get("/children/teen/times")["choices"]}
        assert choices == {"bedtime": "23:00-07:00", "limits/play": "2h"}
        assert child(household, "teen")["next_change"]["at"][:16] == "2026-11-25T23:00"

    def test_the_next_age_group_that_was_postponed(self, api: Caller) -> None:
        step = api.get("/children/son/step")["step"]
        assert (step["on"], step["reason"]) == ("2027-02-01", "After the holidays")

    def test_activity(self, api: Caller) -> None:
        history = api.get("/children/daughter/history?from=2026-11-23&to=2026-11-25")
        assert [day["day"] for day in history["days"]] == ["2026-11-23", "2026-11-24", "2026-11-25"]
        assert all(day["refused"] >= 1 for day in history["days"]), "attempts"
        assert "service:tiktok" in {one["target"] for one in history["refused"]}
        (card,) = api.get("/cards")["cards"]
        assert (card["way"], card["host"]) == ("encrypted_dns", "dns.of-my-own.example")

    def test_codes_alerts_own_lists_and_the_audit(self, api: Caller) -> None:
        (batch,) = api.get("/codes")["batches"]
        assert (batch["count"], batch["minutes"], batch["who"]) == (2, 15, "daughter")
        alerts = api.get("/alerts")
        assert (alerts["kinds"], alerts["server"]) == (["request"], "ntfy.example.org")
        own = [one["name"] for one in api.get("/lists")["sources"] if one["own"]]
        assert own == ["School's list"]
        done = {line["what"] for line in api.get("/audit-log?limit=50")["lines"]}
        assert {"pause", "grant", "edit", "answer", "backup"} <= done


class TestChanges:
    def test_an_edit_is_undone_and_the_backup_is_restored(self, own_household: Daemon) -> None:
        api = program(own_household)
        changes = api.get("/home/changes")["changes"]
        (edit,) = (one for one in changes if one["what"] == "rules")
        assert {one["key"] for one in edit["edits"]} == {"categories/games", "block/music.example"}
        revisions = {"revision": edit["revision"], "found": edit["found"]}
        api.done("POST", "/children/daughter/rules/undo", revisions)
        assert verdict(own_household.config, "music.example", "daughter", "25T16:10") == "allow"
        assert verdict(own_household.config, "chess.example", "daughter", "25T16:10") == "block"
        words = (str(COPY / "home.backup"), "--password-file", str(COPY / "backup-password"), "--yes")
        assert "Children: Aruzhan, Timur, Dana" in qalqan(own_household.config, "restore", *words)
        assert verdict(own_household.config, "music.example", "daughter", "25T16:10") == "block"
        assert child(own_household, "son")["state"] == "paused"
        assert_all_is_there_after_the_next_start(own_household)

    def test_all_of_it_is_there_after_the_next_start(self, own_household: Daemon) -> None:
        assert_all_is_there_after_the_next_start(own_household)


def assert_all_is_there_after_the_next_start(household: Daemon) -> None:
    household.kill()
    household.start_at((MADE + timedelta(minutes=10)).timestamp() - time.time())
    assert child(household, "son")["state"] == "paused"
    bonus = {one["target"]: one["bonus"] for one in child(household, "daughter")["used"]}
    assert bonus == {"play": 35, "internet": 0, "service:youtube": 10}


def test_a_backup_is_restored_in_an_empty_household(namespaces: None) -> None:
    with Home() as home:
        daemon = Daemon(home, {}, settings={"timezone": "Asia/Almaty"})
        daemon.start_at((MADE + timedelta(minutes=2)).timestamp() - time.time())
        try:
            words = (str(COPY / "home.backup"), "--password-file", str(COPY / "backup-password"), "--yes")
            restored = qalqan(daemon.config, "restore", *words)
            assert "Children: Aruzhan, Timur, Dana" in restored
            assert verdict(daemon.config, "www.tiktok.com", "daughter", "25T16:10") == "block"
            assert child(daemon, "son")["state"] == "paused"
            bonus = {one["target"]: one["bonus"] for one in child(daemon, "daughter")["used"]}
            assert bonus["play"] == 35
            assert "Mum" in qalqan(daemon.config, "guardian", "list")
            assert (daemon.profiles / "school.ics").is_file()
        finally:
            daemon.stop()
