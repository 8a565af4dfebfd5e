"""An older version takes over the files that this one wrote: the rules apply, and what families set is there.

The older versions are commits of this repository. Their own programs run, as after a downgrade of the
package.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.household.editing import Author, Editing
from gateway.household.rule_book import RuleBook
from gateway.policy.requests.requests import Answer, ChildRequest, RequestState, RequestTopic
from gateway.store.migrations import MIGRATIONS, READABLE_FROM, applied
from gateway.store.store import Store
from gateway.store.tables.grants import GrantKind, GrantRow, SiteOpening
from tests.lab.home import ROOT
from tests.store.helpers import HOUR, NOW, record, refused
from tests.test_state_of_0_1 import answer, unpack

PREVIOUS = "5df8f140e1e734e9ad275049f0f9c1c9841d74d9"  # of 2026-11-30, with 31 migrations

pytestmark = [pytest.mark.slow, pytest.mark.needs("git"), pytest.mark.needs(str(ROOT / ".git"))]

# Rules of every kind, with the verdict of this version: host, profile, time.
QUESTIONS = [
    ("www.tiktok.com", "daughter", "25T16:10"),
    ("music.example", "daughter", "25T16:10"),
    ("www.reddit.com", "daughter", "25T16:10"),
    ("bet365.com", "daughter", "25T16:10"),
    ("vimeo.com", "daughter", "25T16:10"),
    ("nordvpn.com", "daughter", "25T16:10"),
    ("www.roblox.com", "daughter", "25T18:30"),
    ("bilimland.kz", "daughter", "25T20:29"),
    ("bilimland.kz", "daughter", "25T20:31"),
    ("kk.wikipedia.org", "daughter", "26T21:16"),
    ("chess.example", "daughter", "25T16:10"),
    ("www.example.org", "son", "25T16:10"),
    ("example.com", "son", "25T16:10"),
    ("www.instagram.com", "son", "25T16:10"),
    ("www.tiktok.com", "mum", "25T23:30"),
]


class Older:
    """The program of an older commit."""

    def __init__(self, commit: str, folder: Path) -> None:
        self.folder = folder / f"older-{commit}"
        self.folder.mkdir(exist_ok=True)
        archive = ["git", "-C", str(ROOT), "archive", commit, "gateway", "webui", "profiles"]
        packed = subprocess.run(archive, check=True, capture_output=True)
        subprocess.run(["tar", "-x", "-C", str(self.folder)], input=packed.stdout, check=True)
        self.program = ("env", "-C", str(self.folder), sys.executable, "-m", "gateway")

    def run(self, *words: str) -> Any:
        argv = ["env", "-C", str(self.folder), sys.executable, *words]
        done = subprocess.run(argv, check=True, capture_output=True, text=True)
        return json.loads(done.stdout)

    def answer(self, config: Path, *words: str, check: bool = True) -> Any:
        argv = [*self.program, "--config", str(config), *words, "--json"]
        done = subprocess.run(argv, check=check, capture_output=True, text=True)
        return json.loads(done.stdout)


READ_DATABASE = """
import json, sys
from datetime import datetime
from pathlib import Path
from gateway.store.migrations import MIGRATIONS
from gateway.store.store import Store
store = Store(Path(sys.argv[1]))
if sys.argv[2:]:
    store.pause(sys.argv[2], until=None, by="Mum", at=datetime.fromisoformat(sys.argv[3]))
state = store.state(datetime.fromisoformat("2026-11-25T16:10:00+05:00"))
accounts = getattr(store, "accounts", None) or store.guardians  # the name in the previous version
print(json.dumps({"pauses": sorted(pause.who for pause in state.pauses), "problems": store.problems(),
                  "guardians": sorted(accounts()), "migrations": len(MIGRATIONS)}))
store.close()
"""


def test_the_files_without_a_daemon(tmp_path: Path) -> None:
    """Rules that a parent changed, and the database: read and written by the previous version, and back."""
    config = unpack(tmp_path / "home", lan="lo")
    now = datetime.now(UTC)
    changes = {"block/example.net": True, "categories/games": "block", "strict": True}
    Editing(RuleBook(config), lambda _: None).edit("daughter", changes, Author("Mum", now))
    database = config.parent / "state" / "qalqan.db"
    store = Store(database)
    store.pauses.pause("teen", until=None, by="Mum", at=now)
    store.close()
    older = Older(PREVIOUS, tmp_path)
    listed = {child["id"]: child for child in older.answer(config, "profile", "list")["profiles"]}
    assert listed.keys() == {"daughter", "son", "teen", "mum"}
    for question in (*QUESTIONS, ("example.net", "daughter", "25T16:10")):
        expected = verdict(answer(config, *why(*question)))
        assert verdict(older.answer(config, *why(*question))) == expected, question
    read = older.run("-c", READ_DATABASE, str(database), "daughter", "2026-11-25T16:00:00+05:00")
    assert read["migrations"] == READABLE_FROM <= len(MIGRATIONS)
    assert (read["pauses"], read["problems"]) == (["daughter", "son", "teen"], [])
    assert {"Grandma", "Mum"} <= set(read["guardians"])
    store = Store(database)
    assert {pause.who for pause in store.state(now).pauses} >= {"daughter", "teen"}
    assert (store.problems(), applied(database)) == ([], len(MIGRATIONS))
    store.close()


# Both versions run it. With a third word, it also stores minutes and a site of the next day.
READ_TABLES = """
import json, sys
from datetime import date, datetime, timedelta
from pathlib import Path
from gateway.store.store import Store
store = Store(Path(sys.argv[1]))
now = datetime.fromisoformat(sys.argv[2])
day, tomorrow = now.date(), now.date() + timedelta(days=1)
if sys.argv[3:]:
    store.history.keep(tomorrow, {("teen", "category:games"): 7})
    store.minutes.keep(tomorrow, {("teen", "play"): 7})
    answered = store.requests.get(2)
    store.requests.put(answered, by="Mum", what="answer", at=now)
state = store.state(now)
grants = store.grants if hasattr(store, "grants") else store.gifts  # the name in the earlier version
print(json.dumps({
    "given": [(given.who, given.gate, given.minutes, given.by, given.kind, given.ended)
              for given in grants.given()],
    "in force": [(given.who, given.minutes) for given in state.given],
    "openings": [(opening.who, opening.entry, str(opening.until)) for opening in state.openings],
    "requests": [(request.id, request.who, request.topic, request.thing, request.minutes, request.reason,
                  request.answer, request.given, request.by, request.host, request.wrong)
                 for request in store.requests.all()],
    "sites": [(name.host, name.reason, name.times, name.attempts, str(name.last)) for name in
              store.history.names("teen", now - timedelta(days=9), now + timedelta(days=9), refused=True)],
    "counts": [(str(count.day), count.category, count.refused, count.opened) for who in ("teen", "daughter")
               for count in store.history.counts(who, date(2026, 11, 1), tomorrow)],
    "uses": [(str(day), used) for who in ("teen", "daughter")
             for day, used in store.history.of(who, date(2026, 11, 1), tomorrow).items()],
    "minutes": [(str(day), gate, minutes) for who in ("teen", "daughter")
                for (day, gate), minutes in store.minutes.of(who, date(2026, 11, 1)).items()],
    "problems": store.problems(),
}))
store.close()
"""


def fill_tables(store: Store) -> None:
    """Store extra time, a site that was opened, two requests, and activity of the teen."""
    day = NOW.date()
    given = GrantRow(9, "teen", day, "play", 25, None, None, NOW, "Mum", GrantKind.GRANT)
    store.grants.give([given], audit_text="teen 25 min")
    store.grants.open(SiteOpening(10, "teen", "example.com", NOW + HOUR, NOW, "Mum"))
    site = RequestTopic.SITE
    asked = ChildRequest(
        1, "teen", "", site, "example.net", 0, "school", NOW, NOW + HOUR, host="a.example.net", wrong=True
    )
    known = max((request.id for request in store.requests.all()), default=0)
    asked = replace(asked, id=known + 1)
    answered = replace(
        asked, id=known + 2, state=RequestState.ANSWERED, answer=Answer.ONCE, by="Mum", answered=NOW
    )
    for request in (asked, answered):
        store.requests.put(request, by="Dana", what="request", at=NOW)
    record(store, refused(), host="example.net", profile="teen")
    store.history.keep(day, {("teen", "category:games"): 40})
    store.minutes.keep(day, {("teen", "play"): 40})


def test_extra_time_requests_and_activity_without_a_daemon(tmp_path: Path) -> None:
    """The previous version reads the same as this one, adds to it, and this one reads that too."""
    config = unpack(tmp_path / "home", lan="lo")
    database = config.parent / "state" / "qalqan.db"
    store = Store(database)
    fill_tables(store)
    store.close()
    older = Older(PREVIOUS, tmp_path)

    def read(*words: str) -> dict[str, Any]:
        done = subprocess.run(
            [sys.executable, "-c", READ_TABLES, str(database), NOW.isoformat(), *words],
            check=True, capture_output=True, text=True, cwd=ROOT,
        )  # fmt: skip
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    here = read()
    assert ["teen", "play", 25, "Mum", "grant", False] in here["given"]
    assert ["teen", 25] in here["in force"]
    assert ["teen", "example.com", str((NOW + HOUR).astimezone(UTC))] in here["openings"]
    assert [request[3] for request in here["requests"] if request[1] == "teen"] == ["example.net"] * 2
    assert "example.net" in [site[0] for site in here["sites"]]
    assert [str(NOW.date()), "play", 40] in here["minutes"]
    assert [str(NOW.date()), {"category:games": 40}] in here["uses"]
    assert all(here[table] for table in here if table != "problems")
    older_words = ("-c", READ_TABLES, str(database), NOW.isoformat())
    assert older.run(*older_words) == here
    changed = older.run(*older_words, "write")
    assert changed == read()
    assert [str(NOW.date() + timedelta(days=1)), "play", 7] in changed["minutes"]
    assert changed["problems"] == []


def why(host: str, profile: str, at: str) -> tuple[str, ...]:
    return ("why", host, "--profile", profile, "--at", f"2026-11-{at}")


def verdict(found: dict[str, Any]) -> str:
    return str(found["verdict"])
