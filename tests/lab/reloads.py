"""Reloads of the real daemon with ten children: the long turns of its event loop, for tests and `make bench`.

By SIGHUP, by the verb `reload`, with a large calendar, with new data of the feed, and by a restore of
backups, also of the largest and of hostile ones.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
from array import array
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from gateway.core.errors import ControlError
from gateway.feed.data_set import FEED, FILES, FOLDERS, RELEASE, packaged_data
from gateway.lists.table import TABLE_NAME
from gateway.policy.names.domain_table import SALT_BYTES, bucket_bits, digest_of, pack_head, pack_json
from gateway.policy.profile.backup_format import MAX_DEVICES
from gateway.policy.profile.edits import PROFILE_ORDER
from gateway.policy.profile.rule_file import MAX_ENTRIES
from gateway.policy.yaml.documents import MAX_NODES, Document, Plain, written
from profiles import DATA
from tests.lab import names
from tests.lab.daemon import Daemon
from tests.lab.filtering import fresh
from tests.lab.home import Home
from tests.pace import until


class Turn(NamedTuple):
    """A long turn of the event loop."""

    busy: float  # ms of processor time
    waited: float  # ms in which it waited for the disk or the kernel


LongTurns: TypeAlias = dict[str, list[Turn]]
"""What was done → the long turns while it ran."""

CHILDREN, EVENTS = 10, 1900
ENTRIES = 200  # a family's own list; the longest has 2,000
VERSION = 2099123101  # of the newer data
TABLE = 17_400_000  # bytes of a category table: tier medium
SECONDLY = "DTSTART;VALUE=DATE:20240101\r\nRRULE:FREQ=SECONDLY\r\n"


def calendar(*events: str) -> str:
    lines = "".join(
        f"BEGIN:VEVENT\r\nUID:{number}@school.example\r\n{event}END:VEVENT\r\n"
        for number, event in enumerate(events)
    )
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{lines}END:VCALENDAR\r\n"


def holidays(month: int) -> str:
    """Return a calendar of 350 kB."""
    text = "SUMMARY:" + "x" * 60 + "\r\n"
    return calendar(
        *(f"DTSTART;VALUE=DATE:2026{month:02d}{1 + day % 28:02d}\r\n{text}" for day in range(EVENTS))
    )


def child(number: int, tag: str, **rules: object) -> Mapping[str, object]:
    return {
        "name": f"Child {number}",
        "band": "10-12",
        "bedtime": {},
        "devices": [f"02:00:00:00:01:{number:02x}"],
        "block": [f"site{entry}.{tag}{number}.example.org" for entry in range(ENTRIES)],
        **rules,
    }


class Turns:
    """The long turns of the daemon's loop since the last call."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self._file = daemon.folder / "turns"
        self._file.write_text("")
        daemon.run_with(sys.executable, "-m", "tests.lab.loop_turns", str(self._file))

    def of(self, work: Callable[[], object]) -> list[Turn]:
        """Return the long turns while ``work`` runs, and in the two seconds after it."""
        self._file.write_text("")
        work()
        time.sleep(2.0)
        lines = self._file.read_text().splitlines()
        return [Turn(*map(float, line.split())) for line in lines]

    def of_reload(self) -> list[Turn]:
        return self.of(self._daemon.reload)


def of_reloads(home: Home) -> LongTurns:
    """Return the long turns of reloads by SIGHUP, by what was changed before."""
    home.begin_anew()
    daemon = fresh(home, {f"child{number}": child(number, "own") for number in range(CHILDREN)})
    turns = Turns(daemon)
    school = daemon.profiles / "school.ics"
    found: LongTurns = {}
    with daemon:
        found["nothing changed"] = turns.of_reload()
        daemon.write_profile("child3", child(3, "new"))
        found["one child changed"] = turns.of_reload()
        for number in range(CHILDREN):
            daemon.write_profile(f"child{number}", child(number, "newer"))
        found["all children changed"] = turns.of_reload()
        school.write_text(holidays(9))
        daemon.write_profile("child3", child(3, "new", calendars=["school.ics"]))
        found["a calendar is new"] = turns.of_reload()
        school.write_text(holidays(10))
        found["the calendar changed"] = turns.of_reload()
        school.write_text(calendar(SECONDLY))
        found["the calendar is broken"] = turns.of_reload()
        said = "repeats more often than daily"
        assert (
            until(lambda: said in str(daemon.client.call("status")["problems"]), 5.0, every=0.5) is not None
        )
        large_table(daemon.state / TABLE_NAME)
        found["a large category table is new"] = turns.of_reload()
    return found


def large_table(path: Path) -> None:
    """Write a whole category table of the size that real lists give. Its entries are of no host."""
    count = TABLE // 6
    bits = bucket_bits(count)
    starts = array("I", (count * bucket >> bits for bucket in range((1 << bits) + 1))).tobytes()
    about = pack_json([["gambling"]], "2026-11-24T06:00:00Z")
    body = starts + bytes(6 * count) + about
    head = pack_head(
        count=count, bits=bits, salt=bytes(SALT_BYTES), json_length=len(about), digest=digest_of([body])
    )
    path.write_bytes(head + body)


def of_verbs(home: Home) -> LongTurns:
    """Return the long turns of verbs that read all files, by verb."""
    home.begin_anew()
    profiles = {f"child{number}": child(number, "own") for number in range(CHILDREN)}
    daemon = fresh(home, profiles, feed={"url": "https://feed.example.org/"})
    turns = Turns(daemon)
    found: LongTurns = {}
    with daemon:
        call = daemon.client.call
        call("guardian", action="add", name="Mum")
        backup = taken(daemon)
        for number in range(CHILDREN):
            daemon.write_profile(f"child{number}", child(number, "newer"))
        found["the verb reload"] = turns.of(lambda: call("reload"))
        token = sent(daemon, backup)
        found["a look at a backup"] = turns.of(lambda: call("restore", action="look", token=token, by="Mum"))
        found["a restore"] = turns.of(lambda: call("restore", action="apply", token=token, by="Mum"))
        assert "own3.example.org" in (daemon.profiles / "child3.yaml").read_text()
        found["its undo"] = turns.of(lambda: call("restore", action="undo", by="Mum"))
        assert "newer3.example.org" in (daemon.profiles / "child3.yaml").read_text()
        deliver(daemon)
        found["new data of the feed"] = turns.of(lambda: call("reload"))
        assert call("lists")["update"] is not None
        found["a device gets an owner"] = turns.of(
            lambda: call("assign", mac=names.NEW.mac, profile="child3", by="Mum")
        )
    return found


SERVICES = 30  # of the family, with many names each; it can define 64
LARGEST = 1_000_000  # bytes; a backup has at most 1 MiB


def of_backups(home: Home) -> LongTurns:
    """Return the long turns of looks at hostile and large backups, and of a restore of the largest."""
    home.begin_anew()
    daemon = fresh(home, {f"child{number}": child(number, "own") for number in range(CHILDREN)})
    turns = Turns(daemon)
    found: LongTurns = {}
    with daemon:
        call = daemon.client.call
        call("guardian", action="add", name="Mum")
        plain = json.loads(taken(daemon))
        for what, changes in hostile(plain).items():
            text = json.dumps(plain | changes)

            def look(text: str = text) -> None:
                with suppress(ControlError):
                    call("restore", action="look", token=sent(daemon, text), by="Mum")

            found[what] = turns.of(look)
        text = json.dumps(plain | largest(plain))
        token = sent(daemon, text)
        found["a look at the largest"] = turns.of(
            lambda: call("restore", action="look", token=token, by="Mum")
        )
        found["a restore of the largest"] = turns.of(
            lambda: call("restore", action="apply", token=token, by="Mum")
        )
        assert "entry1999." in (daemon.profiles / "child3.yaml").read_text()
        found["its undo"] = turns.of(lambda: call("restore", action="undo", by="Mum"))
        assert "entry1999." not in (daemon.profiles / "child3.yaml").read_text()
    return found


def hostile(plain: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return what replaces parts of a backup, by what it is. No gateway writes them."""
    head = "name: Child 3\nband: 10-12\n"
    deep = "[" * 5_000
    devices = [
        {"mac": f"02:00:00:01:{number >> 8:02x}:{number & 255:02x}", "label": "x" * 60, "place": "guest"}
        for number in range(MAX_DEVICES)
    ]
    texts = {
        "a file with as many values as are read": f"{head}block: [{'1,' * (MAX_NODES - 20)}1]\n",
        "a file that is nested deeply": f"{head}block: {deep}\n",
        "a file with aliases that multiply": f"{head}a: &a [{'x,' * 9}x]\nb: [{'*a,' * 9}*a]\n",
        "a file with one long word": f"{head}block: [{'x' * 200_000}]\n",
    }
    changed = {what: {"profiles": {**plain["profiles"], "child3.yaml": text}} for what, text in texts.items()}
    calendars = {
        "profiles": {**plain["profiles"], "child3.yaml": f"{head}calendars: [school.ics]\n"},
        "calendars": {"school.ics": calendar(SECONDLY)},
    }
    names = (MAX_NODES - 200) // SERVICES - 5
    services = {
        f"service{number}": {"name": "x", "domains": [f"{name:x}.kz" for name in range(names)]}
        for number in range(SERVICES)
    }
    return {
        **changed,
        "settings with as many values as are read": {"home": {"services": services}},
        "settings with too many values": {"home": {"lists": [[]] * (LARGEST // 5)}},
        "a calendar that repeats each second": calendars,
        "as many devices as are read": {"devices": devices},
    }


def largest(plain: Mapping[str, Any]) -> dict[str, Any]:
    """Return the profiles of the largest backup: as many entries as a list may have, for all children."""
    profiles, size = dict(plain["profiles"]), 0
    for number in range(CHILDREN):
        entries: list[Plain] = [f"entry{entry}.c{number}.example.org" for entry in range(MAX_ENTRIES)]
        mac = f"02:00:00:00:01:{number:02x}"
        rules: Document = {"name": f"Child {number}", "band": "10-12", "devices": [mac], "block": entries}
        text = written(rules, PROFILE_ORDER).decode()  # to find that no person wrote it, it is parsed
        size += len(text)
        assert size < LARGEST
        profiles[f"child{number}.yaml"] = text
    return {"profiles": profiles}


def taken(daemon: Daemon) -> str:
    """Return the text of a new backup."""
    first = daemon.client.call("backup", by="Mum")
    text = str(first["text"])
    while len(text) < first["size"]:
        text += daemon.client.call("backup", **{"by": "Mum", "from": len(text)})["text"]
    return text


def sent(daemon: Daemon, text: str) -> str:
    """Send a backup to restore, and return its token."""
    begun = daemon.client.call("restore", action="begin", size=len(text), by="Mum")
    for start in range(0, len(text), begun["piece"]):
        piece = text[start : start + begun["piece"]]
        daemon.client.call("restore", action="piece", token=begun["token"], text=piece, by="Mum")
    return str(begun["token"])


def deliver(daemon: Daemon) -> None:
    """Put a newer data set where an update of the feed unpacks it."""
    folder = daemon.state / FEED / str(VERSION)
    folder.mkdir(parents=True)
    for name in FILES:
        shutil.copy(DATA / name, folder / name)
    for name in FOLDERS:
        shutil.copytree(DATA / name, folder / name)
    (folder / RELEASE).write_text(f"format: {packaged_data().format}\nversion: {VERSION}\n")
