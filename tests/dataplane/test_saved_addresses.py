"""Tests that addresses of DNS answers survive a restart: which are stored, and which files are ignored."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway.dataplane.internet import AnswerBook
from gateway.dataplane.saved_addresses import FILE, SavedAddresses
from gateway.path.addresses import MAX_ADDRESSES, MAX_NAME_ADDRESSES, NameBook, ServiceBook

TABLET, PHONE = "02:00:00:00:00:0a", "02:00:00:00:00:0b"
A, B = bytes([192, 0, 2, 1]), bytes([192, 0, 2, 2])
LONG = bytes.fromhex("20010db8000000000000000000000001")
SITE, APP = "www.example.org", "api.app.example"


class Gateway:
    """The books of a daemon that runs from ``now`` on."""

    def __init__(self, runtime: Path, now: float = 100.0, boot: str = "boot", **slots: int) -> None:
        self.now = now
        self.book, self.names = AnswerBook(), NameBook()
        self.services = ServiceBook(lambda host: ("app",) if host == APP else (), lambda: self.now)
        named = slots or {"tablet": 1, "phone": 2}
        macs = {"tablet": TABLET, "phone": PHONE}
        by_mac = {macs[name]: slot for name, slot in named.items()}
        self.saved = SavedAddresses(runtime, boot, lambda: by_mac, self.book, self.names, self.services)
        self.names.watch(by_mac.values())
        self.saved.restore()

    def learn(self, slot: int, host: str, *addresses: bytes, ttl: float = 60) -> None:
        self.book.learn(slot, list(addresses), ttl, self.now)
        self.names.learn(slot, host, addresses, ttl, self.now, vouched=True)
        self.services.learn(slot, host, list(addresses), ttl)


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    """The runtime folder after a clean stop."""
    gateway = Gateway(tmp_path)
    gateway.learn(1, SITE, A, LONG)
    gateway.learn(1, APP, B)
    gateway.names.add_targets(1, SITE, ["cdn.example.net"])
    gateway.learn(2, SITE, B)
    gateway.saved.close()
    return tmp_path


def test_a_new_daemon_knows_what_each_device_has_cached(filled: Path) -> None:
    gateway = Gateway(filled, now=110.0)
    for address in (A, LONG, B):
        assert gateway.book.knows(1, address, 110.0)
    assert not gateway.book.knows(2, A, 110.0)
    assert gateway.names.gave(1, SITE, LONG, 110.0)
    assert gateway.names.vouched(1, SITE, A, 110.0)
    assert gateway.names.targets(1) == {SITE: ("cdn.example.net",)}
    assert gateway.services.gave(1, "app", B)
    assert gateway.book.answers == 0, "no proof that the internet works now"
    assert not (filled / FILE).exists()


def test_addresses_still_expire(filled: Path) -> None:
    gateway = Gateway(filled, now=350.0)
    assert gateway.book.knows(1, A, 399.0)
    assert not gateway.book.knows(1, A, 350.0 + 301.0)


def test_what_has_expired_meanwhile_is_not_stored(filled: Path) -> None:
    gateway = Gateway(filled, now=100.0)
    gateway.now = 100.0 + 86_401.0
    gateway.saved.close()
    stored = json.loads((filled / FILE).read_text())["slots"]
    assert {key: value["addresses"] for key, value in stored.items()} == {TABLET: [], PHONE: []}


def test_a_slot_that_another_device_has_now_gets_nothing(filled: Path) -> None:
    gateway = Gateway(filled, now=110.0, phone=1, tablet=3)
    assert gateway.book.knows(3, A, 110.0)
    assert not gateway.book.knows(1, A, 110.0)
    assert gateway.book.knows(1, B, 110.0)


def test_times_of_another_boot_are_not_used(filled: Path) -> None:
    assert len(Gateway(filled, boot="next").book) == 0


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"[]", b"{}", b"\xff", b"[" * 100_000,
        b'{"boot": "boot"}', b'{"boot": "boot", "slots": []}', b'{"boot": "boot", "slots": [7]}',
        b'{"boot": "boot", "slots": {"02:00:00:00:00:0a": {"addresses": [["zz", 1]]}}}',
        b'{"boot": "boot", "slots": {"02:00:00:00:00:0a": {"addresses": [["c000", 1]]}}}',
        b'{"boot": "boot", "slots": {"02:00:00:00:00:0a": {"addresses": [["c0000201", null]]}}}',
        b'{"boot": "boot", "slots": {"02:00:00:00:00:0a": 7}}',
    ],
)  # fmt: skip
def test_a_damaged_file_stops_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)
    assert len(Gateway(tmp_path).book) == 0
    assert not (tmp_path / FILE).exists()


def test_a_folder_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    gateway = Gateway(tmp_path)
    gateway.learn(1, SITE, A)
    (tmp_path / FILE).mkdir()
    gateway.saved.close()


def test_a_start_that_failed_does_not_replace_the_file(filled: Path) -> None:
    before = (filled / FILE).read_bytes()
    none = SavedAddresses(filled, "boot", dict, AnswerBook(), NameBook(), ServiceBook(lambda _: (), float))
    none.close()
    assert (filled / FILE).read_bytes() == before


def test_full_books_are_stored_and_read(tmp_path: Path) -> None:
    gateway = Gateway(tmp_path)
    for number in range(MAX_ADDRESSES):
        gateway.learn(
            1 + number % 2, f"{number}.a-long-name-of-a-content-network.example.net", number.to_bytes(4)
        )
    gateway.saved.close()
    assert (tmp_path / FILE).stat().st_size < 1_500_000
    again = Gateway(tmp_path, now=110.0)
    assert (len(again.book), len(again.names)) == (MAX_ADDRESSES, MAX_NAME_ADDRESSES)
