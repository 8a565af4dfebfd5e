"""Tests that DNS answers survive a restart and a kill: which are stored, how, and which files are ignored."""

from __future__ import annotations

import errno
import heapq
import logging
import os
from pathlib import Path

import pytest

from gateway.core.loop import Loop
from gateway.dataplane import saved_addresses
from gateway.dataplane.internet import AnswerBook
from gateway.dataplane.saved_addresses import EVERY, FILE, FORMER_FILE, MAX_BYTES, SavedAddresses
from gateway.path.addresses import MAX_ADDRESSES, RECENT, NameBook, ServiceBook
from gateway.path.earlier_answers import MAX_PAIRS, EarlierAnswers

TABLET, PHONE = "02:00:00:00:00:0a", "02:00:00:00:00:0b"
MACS = {"tablet": TABLET, "phone": PHONE}
A, B = bytes([192, 0, 2, 1]), bytes([192, 0, 2, 2])
LONG = bytes.fromhex("20010db8000000000000000000000001")
SITE, APP, ALIAS = "www.example.org", "api.app.example", "cdn.example.net"


class Clock(Loop):
    """An event loop whose time is ``at``, and which is run by `pass_time` alone."""

    def __init__(self, at: float) -> None:
        super().__init__()
        self.at = at

    def now(self) -> float:  # type: ignore[override]
        return self.at

    def pass_time(self, seconds: float) -> None:
        """Run all timers that are due in the next ``seconds``."""
        until = self.at + seconds
        while self._timers and self._timers[0][0] <= until:
            when, _, timer = heapq.heappop(self._timers)
            self.at = max(self.at, when)
            if timer.callback is not None:
                timer.callback()
        self.at = until


class Gateway:
    """The books of a daemon that runs from ``now`` on, in seconds since boot."""

    def __init__(self, runtime: Path, now: float = 100.0, boot: str = "boot", **slots: int) -> None:
        self.loop = Clock(now)
        self.earlier = EarlierAnswers()
        self.book, self.names = AnswerBook(self.earlier), NameBook(earlier=self.earlier)
        services = lambda host: ("app",) if host == APP else ()  # noqa: E731
        self.services = ServiceBook(services, self.loop.now, self.earlier)
        self.slots = {MACS[name]: slot for name, slot in (slots or {"tablet": 1, "phone": 2}).items()}
        books = self.book, self.names, self.services
        self.saved = SavedAddresses(self.loop, runtime, boot, lambda: self.slots, self.earlier, books)
        self.names.watch(self.slots.values())
        self.saved.restore()

    @property
    def now(self) -> float:
        return self.loop.at

    def learn(self, slot: int, host: str, *addresses: bytes, ttl: float = 60) -> None:
        self.services.record_query(slot, host)
        self.book.learn(slot, list(addresses), ttl, self.now)
        self.names.learn(slot, host, addresses, ttl, self.now, vouched=True)
        self.services.learn(slot, host, list(addresses), ttl)

    def knows(self, slot: int, host: str, address: bytes) -> tuple[bool, bool]:
        """Whether the slot has the address of a name: for flows without a name, and for those with it."""
        return self.book.knows(slot, address, self.now), self.names.gave(slot, host, address, self.now)


def fill(runtime: Path) -> Gateway:
    gateway = Gateway(runtime)
    gateway.learn(1, SITE, A, LONG)
    gateway.learn(1, APP, B)
    gateway.learn(2, SITE, B)
    return gateway


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    """The runtime folder after a clean stop."""
    fill(tmp_path).saved.close()
    return tmp_path


def test_a_new_daemon_knows_what_each_device_has_cached(filled: Path) -> None:
    gateway = Gateway(filled, now=110.0)
    for host, address in ((SITE, A), (SITE, LONG), (APP, B)):
        assert gateway.knows(1, host, address) == (True, True)
        assert gateway.names.vouched(1, host, address, 110.0)
    assert gateway.knows(2, SITE, A) == (False, False)
    assert gateway.knows(2, SITE, B) == (True, True)
    assert gateway.knows(1, APP, A) == (True, False), "the address of another name"
    assert not gateway.names.vouched(1, APP, A, 110.0)
    assert gateway.services.gave(1, "app", B)
    assert gateway.services.asked(1, "app")
    assert not gateway.services.gave(1, "app", A)
    assert not gateway.services.asked(2, "app")
    assert gateway.book.answers == 0, "no proof that the internet works now"


def test_after_a_kill_all_but_the_last_minute_is_known(tmp_path: Path) -> None:
    gateway = fill(tmp_path)
    assert not (tmp_path / FILE).exists()
    gateway.loop.pass_time(EVERY + 1)
    gateway.learn(1, ALIAS, B)
    again = Gateway(tmp_path, now=gateway.now)
    for host, address in ((SITE, A), (SITE, LONG), (APP, B)):
        assert again.knows(1, host, address) == (True, True)
    assert not again.names.gave(1, ALIAS, B, again.now)


def test_the_file_is_written_once_a_minute_and_only_after_answers(tmp_path: Path) -> None:
    gateway = fill(tmp_path)
    gateway.loop.pass_time(EVERY + 1)
    first = os.stat(tmp_path / FILE).st_ino
    gateway.loop.pass_time(10 * EVERY)
    assert os.stat(tmp_path / FILE).st_ino == first
    for _ in range(20):
        gateway.learn(1, ALIAS, B)
        gateway.loop.pass_time(1)
    assert os.stat(tmp_path / FILE).st_ino == first
    gateway.loop.pass_time(EVERY)
    assert os.stat(tmp_path / FILE).st_ino != first


def test_the_answers_of_several_daemons_add_up(tmp_path: Path) -> None:
    fill(tmp_path).saved.close()
    second = Gateway(tmp_path, now=110.0)
    second.learn(1, ALIAS, B)
    second.loop.pass_time(EVERY + 1)
    third = Gateway(tmp_path, now=200.0)
    assert third.knows(1, SITE, A) == (True, True)
    assert third.knows(1, ALIAS, B) == (True, True)
    sizes = set()
    for _ in range(3):
        third.saved.close()
        sizes.add((tmp_path / FILE).stat().st_size)
        third = Gateway(tmp_path, now=200.0)
    assert len(sizes) == 1, "a pair is stored once"


def test_a_name_keeps_the_address_of_its_target(tmp_path: Path) -> None:
    gateway = Gateway(tmp_path)
    gateway.names.add_targets(1, SITE, ["pool.example.net"])
    gateway.names.add_targets(1, "pool.example.net", [ALIAS])
    gateway.learn(1, ALIAS, A)
    assert gateway.names.gave(1, SITE, A, gateway.now)
    gateway.saved.close()
    again = Gateway(tmp_path, now=110.0)
    assert again.names.gave(1, SITE, A, 110.0)
    assert not again.names.vouched(1, SITE, A, 110.0)
    assert again.names.vouched(1, ALIAS, A, 110.0)


def test_a_trusted_and_another_resolver_stay_apart(tmp_path: Path) -> None:
    gateway = Gateway(tmp_path)
    gateway.names.learn(1, SITE, [A], 60, 100.0, vouched=False)
    gateway.names.learn(1, APP, [A], 60, 100.0, vouched=True)
    gateway.saved.close()
    again = Gateway(tmp_path, now=110.0)
    assert [again.names.gave(1, host, A, 110.0) for host in (SITE, APP)] == [True, True]
    assert [again.names.vouched(1, host, A, 110.0) for host in (SITE, APP)] == [False, True]


def test_pairs_expire_when_they_do_in_the_daemon_that_saw_them(filled: Path) -> None:
    gateway = Gateway(filled, now=399.0)
    assert gateway.knows(1, SITE, A) == (True, True)
    gateway.loop.at = 401.0
    assert gateway.knows(1, SITE, A) == (False, True)
    gateway.loop.at = 100.0 + RECENT - 1
    assert gateway.services.asked(1, "app")
    gateway.loop.at += 2
    assert not gateway.services.asked(1, "app")
    gateway.loop.at = 3701.0
    assert gateway.knows(1, SITE, A) == (False, False)
    assert len(Gateway(filled, now=3701.0).earlier.pairs) == 0


def test_what_a_book_forgot_is_not_stored(tmp_path: Path) -> None:
    gateway = fill(tmp_path)
    gateway.book.drop(1, gateway.names.remove_hosts(1, {SITE}))
    gateway.saved.close()
    again = Gateway(tmp_path, now=110.0)
    assert again.knows(1, SITE, A) == (False, False)
    assert again.knows(1, APP, B) == (True, True)


def test_what_a_book_forgot_is_no_longer_known_from_an_earlier_daemon(filled: Path) -> None:
    gateway = Gateway(filled, now=110.0)
    gateway.learn(1, SITE, A)
    gateway.book.drop(1, gateway.names.remove_hosts(1, {SITE}))
    assert gateway.knows(1, SITE, A) == (False, False)
    assert gateway.knows(1, APP, B) == gateway.knows(2, SITE, B) == (True, True)
    gateway.saved.close()
    again = Gateway(filled, now=120.0)
    assert again.knows(1, SITE, A) == (False, False)
    assert again.knows(1, APP, B) == again.knows(2, SITE, B) == (True, True)


def test_a_slot_that_another_device_has_now_gets_nothing(filled: Path) -> None:
    gateway = Gateway(filled, now=110.0, phone=1, tablet=3)
    assert gateway.knows(3, SITE, A) == (True, True)
    assert gateway.knows(1, SITE, A) == (False, False)
    assert gateway.knows(1, SITE, B) == (True, True)


def test_a_slot_whose_data_is_removed_has_no_earlier_data(filled: Path) -> None:
    for forget in ("book", "names", "services"):
        gateway = Gateway(filled, now=110.0)
        getattr(gateway, forget).forget(1)
        assert gateway.knows(1, SITE, A) == (False, False)
        assert gateway.knows(2, SITE, B) == (True, True)


def test_a_device_that_is_not_filtered_is_not_stored(tmp_path: Path) -> None:
    gateway = fill(tmp_path)
    gateway.names.watch([1])
    gateway.saved.close()
    again = Gateway(tmp_path, now=110.0)
    assert again.knows(1, SITE, A) == (True, True)
    assert again.knows(2, SITE, B) == (False, False)


def test_times_of_another_boot_are_not_used(filled: Path) -> None:
    gateway = Gateway(filled, boot="next")
    assert gateway.knows(1, SITE, A) == (False, False)


def test_the_file_has_no_name_no_address_and_no_device(filled: Path) -> None:
    data = (filled / FILE).read_bytes()
    parts = (b"example", b"app", A, B, LONG, TABLET.encode(), bytes.fromhex(TABLET.replace(":", "")))
    assert not [part for part in parts if part in data]
    assert (filled / FILE).stat().st_mode & 0o777 == 0o600


def test_equal_pairs_differ_by_device_and_boot(tmp_path: Path) -> None:
    stored = []
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        gateway = Gateway(tmp_path / folder)
        for slot in (1, 2):
            gateway.names.learn(slot, SITE, [A], 60, 100.0, vouched=True)
        gateway.saved.close()
        stored += list(Gateway(tmp_path / folder).earlier.pairs.digests)
    assert len(set(stored)) == 4


DAMAGED = {
    "empty": b"",
    "short": b"QDNS",
    "other format": b"{" * 400,
    "other version": b"QDNS9999" + bytes(32 + 12),
    "half a pair": saved_addresses.MAGIC + bytes(32 + 7),
    "too large": saved_addresses.MAGIC + bytes(MAX_BYTES),
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_file_is_one_line_and_is_replaced(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: bytes
) -> None:
    (tmp_path / FILE).write_bytes(content)
    gateway = fill(tmp_path)
    (line,) = caplog.messages
    assert line == f"{tmp_path / FILE} is damaged. Cached addresses of devices are not known."
    gateway.saved.close()
    assert Gateway(tmp_path, now=110.0).knows(1, SITE, A) == (True, True)


def test_a_cut_or_changed_file_gives_nothing_that_it_did_not_have(filled: Path) -> None:
    data = (filled / FILE).read_bytes()
    for length in range(0, len(data), 12):
        (filled / FILE).write_bytes(data[:length] + os.urandom(len(data) - length))
        gateway = Gateway(filled)
        assert gateway.knows(1, ALIAS, bytes(4)) == (False, False)
        latest = max(gateway.earlier.pairs.until, default=0) >> 1
        assert latest <= gateway.now + 86_400, "junk is not valid for years"


@pytest.mark.parametrize("kind", ["folder", "pipe"])
def test_something_else_in_its_place_stops_nothing(
    tmp_path: Path, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / FILE).mkdir() if kind == "folder" else os.mkfifo(tmp_path / FILE)
    gateway = fill(tmp_path)
    assert gateway.knows(1, SITE, A) == (True, True)
    gateway.loop.pass_time(EVERY + 1)
    gateway.saved.close()
    assert len(caplog.messages) <= 2, caplog.messages


def test_a_folder_that_cannot_be_written_is_reported_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(path: Path, data: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    gateway = fill(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(saved_addresses, "write_atomically", full)
        for _ in range(3):
            gateway.learn(1, ALIAS, B)
            gateway.loop.pass_time(EVERY + 1)
    assert caplog.messages == [f"{tmp_path / FILE} cannot be written (the disk is full)."]
    gateway.learn(1, ALIAS, B)
    gateway.loop.pass_time(EVERY + 1)
    assert Gateway(tmp_path, now=gateway.now).names.gave(1, ALIAS, B, gateway.now)


def test_a_start_that_failed_does_not_replace_the_file(filled: Path) -> None:
    before = (filled / FILE).read_bytes()
    earlier = EarlierAnswers()
    books = AnswerBook(earlier), NameBook(earlier=earlier), ServiceBook(lambda _: (), float, earlier)
    SavedAddresses(Clock(110.0), filled, "boot", dict, earlier, books).close()
    assert (filled / FILE).read_bytes() == before


def test_the_names_that_an_older_version_left_are_removed(tmp_path: Path) -> None:
    (tmp_path / FORMER_FILE).write_text("{}")
    Gateway(tmp_path)
    assert not (tmp_path / FORMER_FILE).exists()


def test_full_books_are_stored_and_read(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    gateway = Gateway(tmp_path)
    for number in range(MAX_ADDRESSES):
        gateway.learn(1 + number % 2, f"{number}.content-network.example.net", number.to_bytes(4))
    gateway.saved.close()
    assert (tmp_path / FILE).stat().st_size == MAX_BYTES
    again = Gateway(tmp_path, now=110.0)
    assert len(again.earlier.pairs) == MAX_PAIRS
    for number in (0, 1, MAX_ADDRESSES // 2, MAX_ADDRESSES - 1):
        host = f"{number}.content-network.example.net"
        assert again.knows(1 + number % 2, host, number.to_bytes(4)) == (True, True)
    again.learn(1, SITE, A)
    again.saved.close()
    assert (tmp_path / FILE).stat().st_size == MAX_BYTES
    assert Gateway(tmp_path, now=110.0).knows(1, SITE, A) == (True, True), "the oldest ones are lost"
    assert not caplog.messages
