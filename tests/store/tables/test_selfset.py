"""What a child set for itself and what a family agreed on: there after a kill, bounded, gone at 18."""

from __future__ import annotations

import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

from gateway.policy.accounts.agreement import Agreement, Confirmation, Side
from gateway.policy.profile.self_set import OwnSetting
from gateway.store.store import Store
from gateway.store.tables.self_set import PROFILES
from tests.store.helpers import NOW, look
from tests.store.test_database import ROOT

CHOICES = (
    OwnSetting("bedtime", '{"school": "22:00-07:00", "free": {}}', NOW),
    OwnSetting("limits/play", '"1h"', NOW + timedelta(days=1)),
)
AGREED = Agreement("teen", "a" * 32, "Mum", NOW, Confirmation("b" * 32, Side.GUARDIAN, "Dad", NOW))

KILLED = """
import os, signal, sys
from pathlib import Path
from gateway.store.store import Store
from tests.store.tables.test_selfset import AGREED, CHOICES, NOW
store = Store(Path(sys.argv[1]))
store.self_set.put("teen", CHOICES, audit_text="bedtime set", by="Dana", at=NOW)
store.agreements.put(AGREED, by="Mum", at=NOW)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_kill_loses_neither(path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, str(path)], cwd=ROOT, check=False)
    assert done.returncode == -signal.SIGKILL
    store = Store(path)
    assert store.self_set.of("teen") == CHOICES
    assert store.agreements.of("teen") == AGREED
    assert [(line.who, line.what) for line in store.audit.lines()] == [("Mum", "agree"), ("Dana", "self set")]
    store.close()


def test_so_many_children_are_kept_and_no_more(store: Store) -> None:
    for number in range(PROFILES + 2):
        who = f"child-{number}"
        store.self_set.put(who, CHOICES, audit_text="bedtime set", by=who, at=NOW)
        store.agreements.put(Agreement(who, "a" * 32, "Mum", NOW), by="Mum", at=NOW)
    assert len(store.self_set.all()) == PROFILES
    for who, there in (("child-0", False), ("child-1", False), ("child-2", True)):
        assert bool(store.self_set.of(who)) is there
        assert bool(store.agreements.of(who).digest) is there


def test_at_18_both_are_gone_from_the_file(store: Store, path: Path) -> None:
    for who in ("teen", "other"):
        store.self_set.put(who, CHOICES, audit_text="bedtime set", by="Dana", at=NOW)
        store.agreements.put(Agreement(who, "a" * 32, "Mum", NOW), by="Mum", at=NOW)
    store.erase_child("teen", ())
    assert {row[0] for row in look(path, "SELECT profile FROM self_set")} == {"other"}
    assert {row[0] for row in look(path, "SELECT profile FROM agreements")} == {"other"}
