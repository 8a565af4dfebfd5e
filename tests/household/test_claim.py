"""When a gateway is nobody's, and that no way leads back there but a reset."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.core.bus import Bus
from gateway.core.errors import PolicyError
from gateway.household.claim import Claim
from gateway.household.rule_book import RuleBook
from gateway.policy.accounts.people import Account
from gateway.policy.profile.rules import HOME
from gateway.store.store import Store
from tests.household.household_files import DAUGHTER, write

PHONE, AT = "02:00:00:00:00:0c", datetime(2026, 3, 4, 12, tzinfo=UTC)


def started(folder: Path) -> bool:
    """Whether a gateway that starts with what is there is nobody's."""
    store = Store(folder / "qalqan.db")
    try:
        return Claim(store, RuleBook(folder / "qalqan.yaml"), Bus(), lambda: None).unclaimed
    finally:
        store.close()


def stored(folder: Path, change: Callable[[Store], object]) -> None:
    store = Store(folder / "qalqan.db")
    change(store)
    store.close()


def test_with_nothing_there_it_is_nobodys(tmp_path: Path) -> None:
    write(tmp_path, {})
    assert started(tmp_path)
    assert started(tmp_path), "and a start alone changes nothing"


@pytest.mark.parametrize(
    "text", [b"", b"\xff", b"name: [", b"name: A\nband: 99-100\n"], ids=["empty", "bytes", "cut off", "wrong"]
)
def test_a_childs_file_that_is_broken_is_a_family(tmp_path: Path, text: bytes) -> None:
    write(tmp_path, {})
    (tmp_path / "profiles/daughter.yaml").write_bytes(text)
    assert not started(tmp_path)


def test_a_child_who_is_named_and_has_no_file_any_more_is_a_family(tmp_path: Path) -> None:
    write(tmp_path, {}, shared={PHONE: {"people": ["daughter", "son"]}})
    assert not started(tmp_path)


@pytest.mark.parametrize("how", ["is gone", "is no folder"])
def test_where_nobody_can_say_who_lives_here_it_does_not_start(tmp_path: Path, how: str) -> None:
    write(tmp_path, {})
    (tmp_path / "profiles").rmdir()
    if how == "is no folder":
        (tmp_path / "profiles").write_text("")
    with pytest.raises(PolicyError, match="profiles"):
        started(tmp_path)


def test_the_last_guardian_taken_out_leaves_a_familys_gateway(tmp_path: Path) -> None:
    write(tmp_path, {})
    stored(tmp_path, lambda store: store.people.put(Account("Mum")))
    assert not started(tmp_path)
    stored(tmp_path, lambda store: store.devices.place(PHONE, HOME, at=AT))
    stored(tmp_path, lambda store: store.people.remove("Mum"))
    assert not started(tmp_path)


def test_the_last_child_taken_out_leaves_a_familys_gateway(tmp_path: Path) -> None:
    write(tmp_path, {"daughter": DAUGHTER})
    stored(tmp_path, lambda store: store.slots.assign(PHONE, now=0))
    (tmp_path / "profiles/daughter.yaml").unlink()
    assert not started(tmp_path)


def test_after_the_loss_of_the_database_it_is_no_first_start(tmp_path: Path) -> None:
    """Else every device that is there at that moment would be unfiltered, a child's too."""
    write(tmp_path, {"daughter": DAUGHTER})
    store, rules = Store(tmp_path / "qalqan.db"), RuleBook(tmp_path / "qalqan.yaml")
    assert Claim(store, rules, Bus(), lambda: None).first
    claim = Claim(store, rules, Bus(), lambda: None, lost=True)
    assert (claim.first, claim.unclaimed) == (False, False)
    store.close()


def test_while_it_runs_it_is_moved_into_once_and_for_good(tmp_path: Path) -> None:
    moves: list[str] = []
    write(tmp_path, {})
    bus = Bus()
    store, rules = Store(tmp_path / "qalqan.db", bus=bus), RuleBook(tmp_path / "qalqan.yaml", bus=bus)
    claim = Claim(store, rules, bus, lambda: moves.append("in"))
    store.people.put(Account("Mum"))
    store.people.remove("Mum")
    store.people.put(Account("Dad"))
    rules.reload()
    assert (claim.unclaimed, moves) == (False, ["in"])
    store.close()
