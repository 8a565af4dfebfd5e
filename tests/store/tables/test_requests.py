"""Requests and codes on paper survive, and the file has no code in it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, timedelta
from pathlib import Path

from gateway.policy.requests import tickets
from gateway.policy.requests.requests import Answer, ChildRequest, RequestState, RequestTopic
from gateway.policy.requests.tickets import Ticket
from gateway.store.store import Store
from tests.store.helpers import HOUR, NOW, look

AT = NOW.astimezone(UTC)
DAY = timedelta(days=1)
ASKED = ChildRequest(
    1, "daughter", "02:00:00:00:00:0a", RequestTopic.SITE, "service:tiktok", 0, "for school", AT, AT + 7 * DAY
)


def test_requests_survive_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "q.db"
    store = Store(path)
    store.requests.put(ASKED, by="Aruzhan", what="request", at=AT)
    done = replace(
        ASKED,
        id=2,
        topic=RequestTopic.TIME,
        thing="",
        minutes=15,
        state=RequestState.ANSWERED,
        answer=Answer.ONCE,
        given=10,
        by="Mum",
        because="well done",
        answered=AT + HOUR,
        grant=17,
        reminded=True,
        times=3,
    )
    store.requests.put(done, by="Mum", what="answer", at=AT)
    store.close()
    store = Store(path)
    assert store.requests.all() == (ASKED, done)
    assert store.requests.get(2) == done
    details = [line.detail for line in store.audit.lines()]
    assert details == ["2 daughter: time once 10 min", "1 daughter: site"]
    store.purge(NOW + 31 * DAY)
    assert store.requests.all() == (ASKED,)  # it waits; what becomes of it is not the store's to say
    store.close()


def test_an_old_request_is_in_no_byte_after_one_purge(tmp_path: Path) -> None:
    """Neither its site nor its reason, in the file or in its write-ahead log; what is young is there."""
    path = tmp_path / "q.db"
    store = Store(path)
    for number, age in ((1, 40), (2, 1)):
        asked = AT + (41 - age) * DAY
        store.requests.put(
            replace(
                ASKED,
                id=number,
                thing=f"marker-site-{number}.example",
                reason=f"marker reason {number} " + "long " * 2000,
                state=RequestState.ANSWERED,
                answer=Answer.NO,
                at=asked,
                answered=asked,
            ),
            by="Aruzhan",
            what="request",
            at=asked,
        )
    files = path, path.with_name(path.name + "-wal")

    def written(marker: str) -> bool:
        return any(marker.encode() in one.read_bytes() for one in files)

    assert written("marker-site-1.example")
    store.purge(NOW + 41 * DAY)
    assert [one.id for one in store.requests.all()] == [2]
    for marker in ("marker-site-1.example", "marker reason 1 "):
        assert not written(marker)
    for marker in ("marker-site-2.example", "marker reason 2 "):
        assert written(marker)
    store.close()


def test_a_code_is_in_no_byte_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "q.db"
    store = Store(path)
    code = "K7QM3XP" + tickets.check_character("K7QM3XP")
    one = Ticket("00ff", tickets.hash_code(code, "00ff"), 30, None, AT, "Mum", AT + tickets.LIFE)
    store.tickets.add([one])
    store.close()
    assert code.encode() not in path.read_bytes()
    store = Store(path)
    assert tickets.find(code, store.tickets.all()) == one
    store.tickets.use(one, by="son", at=AT + HOUR)
    store.close()
    assert look(path, "SELECT used_by FROM tickets") == [("son",)]
    store = Store(path)
    assert not store.tickets.all()[0].is_good(AT + HOUR)
    store.purge(NOW + 91 * DAY)
    assert store.tickets.all() == ()
    store.close()
