from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from gateway.policy.identity.questions import Ask, IdentityQuestion
from gateway.policy.identity.traits import Sign, Traits
from gateway.store.store import Store
from gateway.store.tables.questions import FACES_LIMIT, NEW_DEVICES_LIMIT, UNSEEN
from tests.store.helpers import HOUR, NOW, look

TABLET, AGAIN = "02:00:00:00:00:0a", "da:a1:19:00:00:01"
FACE = Traits(TABLET, "Планшет", "android", (1, 3, 6), "", "tablet", 64, frozenset({bytes(range(8))}))
AT = NOW.astimezone(UTC)
QUESTION = IdentityQuestion(AGAIN, Ask.AGAIN, AT, "daughter", TABLET, (Sign.HOST_NAME, Sign.TIME))


def here(_: str) -> datetime:
    return NOW


def test_questions_and_faces_are_on_the_disk_at_once(path: Path) -> None:
    store = Store(path)
    copied = replace(QUESTION, mac=TABLET, ask=Ask.COPY, face=FACE, back=AT + HOUR, settled=True)
    for one in (QUESTION, copied):
        assert store.questions.put(one, here, NOW)
    store.questions.keep_faces(TABLET, (FACE, replace(FACE, kind="")))
    other = Store(path)  # as after a kill
    assert list(other.questions.all().values()) == [copied, QUESTION]
    assert other.questions.faces(TABLET) == (FACE, replace(FACE, kind=""))
    assert other.questions.drop(AGAIN) == QUESTION
    assert other.questions.drop(AGAIN) is None
    other.questions.forget_faces(TABLET)
    other.close()
    store.close()
    assert look(path, "SELECT mac FROM questions") == [(TABLET,)]
    assert look(path, "SELECT mac FROM faces") == []


def _invented(number: int) -> IdentityQuestion:
    return IdentityQuestion(f"06:00:00:00:{number >> 8:02x}:{number & 255:02x}", Ask.NEW, AT)


def test_invented_addresses_find_no_room(path: Path) -> None:
    store = Store(path)
    put = [store.questions.put(_invented(number), here, NOW) for number in range(NEW_DEVICES_LIMIT + 50)]
    assert sum(put) == NEW_DEVICES_LIMIT
    assert not store.questions.put(_invented(1000), here, NOW)
    assert store.questions.put(replace(_invented(5), settled=True), here, NOW), "it has its room"
    assert store.questions.put(QUESTION, here, NOW), "what may be a child's goes before strangers"
    assert _invented(0).mac not in store.questions.all()
    copied = replace(QUESTION, mac=TABLET, ask=Ask.COPY)
    assert store.questions.put(copied, here, NOW), "of a device that the family has named there are few"
    assert len(look(path, "SELECT * FROM questions")) == NEW_DEVICES_LIMIT + 1
    store.close()


def test_the_longest_unseen_give_way(path: Path) -> None:
    store = Store(path)
    for number in range(NEW_DEVICES_LIMIT):
        assert store.questions.put(_invented(number), here, NOW)
    gone, longer = _invented(5).mac, _invented(7).mac
    seen = {gone: NOW - UNSEEN, longer: NOW - UNSEEN - timedelta(minutes=1)}
    assert store.questions.put(QUESTION, lambda mac: seen.get(mac, NOW), NOW)
    assert longer not in store.questions.all()
    assert gone in store.questions.all()
    store.close()


def test_faces_are_bounded(path: Path) -> None:
    store = Store(path)
    for number in range(FACES_LIMIT + 5):
        store.questions.keep_faces(_invented(number).mac, (FACE,))
    assert len(look(path, "SELECT * FROM faces")) == FACES_LIMIT
    store.close()
