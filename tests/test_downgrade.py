"""An older version takes over the files that this one wrote: the rules apply, and what families set is there.

The older versions are commits of this repository. Their own programs run, as after a downgrade of the
package.
"""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gateway.household.editing import Author, Editing
from gateway.household.rule_book import RuleBook
from gateway.store.migrations import MIGRATIONS, READABLE_FROM, applied
from gateway.store.store import Store
from tests.lab.home import ROOT
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


def why(host: str, profile: str, at: str) -> tuple[str, ...]:
    return ("why", host, "--profile", profile, "--at", f"2026-11-{at}")


def verdict(found: dict[str, Any]) -> str:
    return str(found["verdict"])
