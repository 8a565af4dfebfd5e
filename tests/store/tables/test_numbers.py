from __future__ import annotations

from pathlib import Path

import pytest

from gateway.store.database import StoreError
from gateway.store.store import Store
from gateway.store.tables.slots import CLASSES, SLOTS


def mac(number: int) -> str:
    return f"02:00:00:00:{number >> 8:02x}:{number & 255:02x}"


def gates(*names: str) -> frozenset[str]:
    return frozenset(names)


def test_a_device_has_the_same_slot_after_a_restart(path: Path) -> None:
    store = Store(path)
    assert [store.slots.assign(mac(n), now=n) for n in (1, 2, 1, 3)] == [1, 2, 1, 3]
    store.slots.forget(mac(2))
    store.close()
    store = Store(path)
    assert store.slots.all() == {mac(1): 1, mac(3): 3}
    assert store.slots.assign(mac(9), now=9) == 2
    store.close()


def test_the_longest_unused_slot_changes_hands_without_its_classes(path: Path) -> None:
    store = Store(path)
    for number in SLOTS:
        store.slots.assign(mac(number), now=number)
    store.class_number(2, gates("play"))
    store.slots.assign(mac(1), now=1000)
    store.close()
    store = Store(path)  # when a slot was used last outlives a restart
    assert store.slots.assign(mac(999), now=1001) == 2
    assert mac(2) not in store.slots.all()
    assert store.classes() == {}
    store.close()
    store = Store(path)
    assert store.slots.all()[mac(999)] == 2
    assert len(store.slots.all()) == len(SLOTS)
    assert store.classes() == {}
    store.close()


def test_more_devices_than_slots_in_use_is_a_clear_error(path: Path) -> None:
    store = Store(path)
    macs = [mac(number) for number in SLOTS]
    for number, one in enumerate(macs):
        store.slots.assign(one, now=number)
    with pytest.raises(StoreError, match="all 252 filtered devices are in use; forget one"):
        store.slots.assign(mac(999), now=999, in_use=macs)
    assert len(store.slots.all()) == len(SLOTS)
    store.close()


def test_a_class_is_one_combination_of_gates_of_one_slot(path: Path) -> None:
    store = Store(path)
    assert store.class_number(1, gates("internet")) == 1
    assert store.class_number(1, gates("internet", "service:youtube")) == 2
    assert store.class_number(1, gates("service:youtube", "internet")) == 2
    assert store.class_number(2, gates("play")) == 1
    assert store.class_number(2, gates()) == 2
    store.close()
    store = Store(path)
    assert store.classes() == {
        (1, gates("internet")): 1,
        (1, gates("internet", "service:youtube")): 2,
        (2, gates("play")): 1,
        (2, gates()): 2,
    }
    store.close()


def test_freed_classes_are_given_again(path: Path) -> None:
    store = Store(path)
    for name in ("a", "b", "c"):
        store.class_number(1, gates(name))
    store.class_number(2, gates("a"))
    store.keep_classes(1, [gates("b")])
    assert store.class_number(1, gates("d")) == 1
    store.close()
    store = Store(path)
    assert store.classes() == {(1, gates("b")): 2, (1, gates("d")): 1, (2, gates("a")): 1}
    store.close()


def test_past_63_classes_there_is_a_clear_error(path: Path) -> None:
    store = Store(path)
    for number in CLASSES:
        assert store.class_number(1, gates(f"service:{number}")) == number
    with pytest.raises(StoreError, match="more than 63 combinations"):
        store.class_number(1, gates("one more"))
    store.close()


def test_of_a_lent_slot_nothing_is_written(path: Path) -> None:
    store = Store(path)
    store.slots.assign(mac(1), now=1)
    lent = store.slots.lend([mac(1)])
    assert lent == 2
    assert store.class_number(lent, gates("play")) == 1
    assert store.classes() == {(lent, gates("play")): 1}
    assert store.slots.assign(mac(2), now=2) == 3, "no other device gets it meanwhile"
    store.close()
    store = Store(path)
    assert store.slots.all() == {mac(1): 1, mac(2): 3}
    assert store.classes() == {}
    store.close()


def test_a_slot_that_is_given_back_is_free(path: Path) -> None:
    store = Store(path)
    lent = store.slots.lend([])
    store.class_number(lent, gates("play"))
    store.slots.give_back()
    assert store.classes() == {}
    assert store.slots.assign(mac(1), now=1) == lent
    assert store.class_number(lent, gates("play")) == 1
    store.close()
    store = Store(path)
    assert store.classes() == {(lent, gates("play")): 1}
    store.close()


def test_where_all_are_given_the_longest_unused_is_lent(path: Path) -> None:
    store = Store(path)
    for number in SLOTS:
        store.slots.assign(mac(number), now=number)
    store.class_number(2, gates("play"))
    lent = store.slots.lend([mac(1)])
    assert lent == 2
    assert store.classes() == {}
    with pytest.raises(StoreError, match="all 252 filtered devices are in use"):
        store.slots.assign(mac(999), now=999, in_use=[mac(number) for number in SLOTS])
    store.close()
    store = Store(path)
    assert mac(2) not in store.slots.all()
    assert 2 not in store.slots.all().values()
    store.close()
