"""Cards about closed ways on the disk: what a guardian may see and no more, for a week."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, timedelta
from pathlib import Path

from gateway.policy.alerts.cards import AlertCard, CardTopic, storable_card
from gateway.policy.profile.bypass_methods import BypassMethod
from gateway.store.store import Store
from gateway.store.tables.bypass_cards import MAX_CARDS
from tests.store.helpers import HOUR, NOW, look

TABLET, PHONE = "02:00:00:00:00:0a", "02:00:00:00:00:0b"
AT = NOW.astimezone(UTC)
DAY = timedelta(days=1)
HOST = "dns.my-own-resolver.example"
CARD = AlertCard(
    TABLET,
    "daughter",
    BypassMethod.ENCRYPTED_DNS,
    NOW.date(),
    CardTopic.PRIVATE_DNS,
    AT,
    HOST,
    "dot",
    level=2,
)
VPN = replace(CARD, way=BypassMethod.VPN, topic=CardTopic.VPN, host="", proto="wireguard", sure=False)


def in_bytes(path: Path, text: str) -> bool:
    files = (path, *(path.with_name(path.name + end) for end in ("-wal",)))
    return any(text.encode() in one.read_bytes() for one in files if one.exists())


def test_they_are_on_the_disk_at_once(tmp_path: Path) -> None:
    path = tmp_path / "q.db"
    store = Store(path)
    for one in (CARD, VPN, replace(CARD, dismissed=True), replace(VPN, solved=True)):
        store.bypass_cards.put(one)
    other = Store(path)  # as after a kill
    assert set(other.bypass_cards.all()) == {replace(CARD, dismissed=True), replace(VPN, solved=True)}
    assert other.bypass_cards.get(CARD.key) == replace(CARD, dismissed=True)
    assert other.bypass_cards.of(PHONE) == ()
    other.close()
    store.close()


def test_whether_it_is_solved_goes_with_the_batch(tmp_path: Path) -> None:
    path = tmp_path / "q.db"
    store = Store(path)
    store.bypass_cards.put(CARD)
    for _ in range(50):
        for solved in (True, False, True):
            store.bypass_cards.note(replace(CARD, solved=solved))
    solved_on_disk = "SELECT solved FROM way_cards"
    assert look(path, solved_on_disk) == [(0,)]
    store.flush_devices()
    assert look(path, solved_on_disk) == [(1,)]
    store.bypass_cards.note(replace(CARD, level=0, solved=True))
    store.close()


def test_the_disk_has_what_a_guardian_may_see_and_memory_all(tmp_path: Path) -> None:
    path = tmp_path / "q.db"
    store = Store(path)
    silent, counted = replace(CARD, level=0), replace(CARD, mac=PHONE, level=1)
    for one in (silent, counted):
        store.bypass_cards.put(one)
        assert store.bypass_cards.get(one.key) == one
    store.close()
    assert not in_bytes(path, HOST)
    assert look(path, "SELECT mac, host, proto, at FROM way_cards") == [(PHONE, "", "", None)]
    again = Store(path)
    assert again.bypass_cards.all() == (storable_card(counted),)
    again.close()


def test_they_go_after_seven_days_in_the_file_s_bytes_too(tmp_path: Path) -> None:
    path = tmp_path / "q.db"
    store = Store(path)
    store.bypass_cards.put(CARD)
    assert in_bytes(path, HOST)
    store.purge(NOW + 7 * DAY)
    assert store.bypass_cards.all() == (CARD,)
    store.purge(NOW + 8 * DAY)
    assert store.bypass_cards.all() == ()
    assert not in_bytes(path, HOST)
    store.close()


def test_erasing_a_child_s_names_takes_them_along(tmp_path: Path) -> None:
    path = tmp_path / "q.db"
    store = Store(path)
    mine = replace(CARD, mac=PHONE, profile="son")
    for one in (CARD, mine):
        store.bypass_cards.put(one)
    store.erase("daughter")
    assert store.bypass_cards.all() == (mine,)
    store.close()
    assert look(path, "SELECT profile FROM way_cards") == [("son",)]


def test_a_card_of_another_day_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    store = Store(tmp_path / "q.db")
    store.bypass_cards.put(CARD)
    store.bypass_cards.move(CARD, replace(CARD, day=CARD.day + DAY, at=AT + HOUR))
    assert [card.day for card in store.bypass_cards.all()] == [CARD.day + DAY]
    store.close()


def test_there_are_never_more_than_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "q.db"
    store = Store(path)
    with store.transaction():
        for number in range(MAX_CARDS + 20):
            store.bypass_cards.put(replace(CARD, mac=f"02:00:00:00:{number >> 8:02x}:{number & 255:02x}"))
    assert len(store.bypass_cards.all()) == MAX_CARDS
    store.close()
    assert look(path, "SELECT count(*) FROM way_cards") == [(MAX_CARDS,)]
