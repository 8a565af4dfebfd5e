from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from gateway.store.store import Store
from gateway.store.tables.device_marks import MARKS_LIMIT
from tests.store.helpers import look

AT = datetime(2026, 11, 24, 12, tzinfo=UTC)
TABLET, PHONE = "02:00:00:00:00:0a", "02:00:00:00:00:0b"


def test_a_mark_outlives_the_daemon_until_it_is_taken_away(tmp_path: Path) -> None:
    path = tmp_path / "q.db"
    store = Store(path)
    for mac in (TABLET, PHONE):
        store.marks.mark(mac, no_mobile_data=True, by="Mum", at=AT, origin="192.168.1.5")
    store.marks.mark(PHONE, no_mobile_data=False, by="Dad", at=AT)
    store.close()
    assert look(path, "SELECT who, what, detail, origin FROM audit ORDER BY rowid") == [
        ("Mum", "device mark", f"{TABLET} no mobile data: yes", "192.168.1.5"),
        ("Mum", "device mark", f"{PHONE} no mobile data: yes", "192.168.1.5"),
        ("Dad", "device mark", f"{PHONE} no mobile data: no", ""),
    ]
    store = Store(path)
    assert store.marks.no_mobile_data == {TABLET}
    store.marks.forget(TABLET)
    store.close()
    store = Store(path)
    assert store.marks.no_mobile_data == frozenset()
    store.close()


def test_the_one_that_was_marked_longest_ago_gives_way(tmp_path: Path) -> None:
    store = Store(tmp_path / "q.db")
    macs = [f"02:00:00:00:{n >> 8:02x}:{n & 255:02x}" for n in range(MARKS_LIMIT + 1)]
    with store.transaction():
        for mac in macs:
            store.marks.mark(mac, no_mobile_data=True, by="Mum", at=AT)
    assert store.marks.no_mobile_data == set(macs[1:])
    store.close()
