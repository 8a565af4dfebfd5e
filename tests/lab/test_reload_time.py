"""No reload of the real daemon with ten children, and no verb that reads all files, holds up the filter."""

from __future__ import annotations

import pytest

from tests.lab.home import Home
from tests.lab.reloads import LongTurns, of_backups, of_reloads, of_verbs
from tests.pace import EXACT

pytestmark = pytest.mark.lab

LONGEST = 50.0 if EXACT else 250.0  # ms of processor time in one turn


def test_no_reload_holds_up_the_filter(home: Home) -> None:
    report(of_reloads(home))


def test_no_verb_that_reads_all_files_holds_up_the_filter(home: Home) -> None:
    report(of_verbs(home))


def test_no_backup_at_a_limit_and_no_hostile_one_holds_up_the_filter(home: Home) -> None:
    report(of_backups(home))


def report(found: LongTurns) -> None:
    longest = {what: max((turn.busy for turn in turns), default=0.0) for what, turns in found.items()}
    waited = max((turn.waited for turns in found.values() for turn in turns), default=0.0)
    print("longest turns in ms:", longest, "longest wait:", waited)
    assert max(longest.values()) < LONGEST, found
