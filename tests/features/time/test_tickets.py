"""`ticket` and `redeem`: codes on paper, once each, and slow for who guesses."""

from __future__ import annotations

import inspect
from datetime import timedelta

import pytest

from gateway.control.protocol import Role
from gateway.core.errors import GatewayError
from gateway.core.reason_codes import Code
from gateway.policy.accounts.people import Account
from gateway.policy.requests.tickets import MAX_UNUSED
from gateway.policy.values import Reason
from tests.features.conftest import Make, at
from tests.features.desk import PHONE, STRANGER, TABLET, Desk
from tests.sentences import sentence

LATE = "2026-11-24T22:30"
MINUTE = timedelta(minutes=1)
WRONG = "2222-2222"


def codes(desk: Desk, who: str = "all", count: int = 1) -> list[str]:
    found: list[str] = desk.ask("ticket", who=who, minutes=30, count=count, by="Mum")["codes"]
    return found


def test_a_code_opens_once(make: Make) -> None:
    desk = make(LATE)
    code, other = codes(desk, count=2)
    desk.restart()
    assert desk.reason(TABLET) is Reason.BEDTIME
    answer = desk.ask("redeem", device=TABLET, code=code.lower())
    assert answer["until"] == at("2026-11-24T23:00")
    assert desk.reason(TABLET) is Reason.OPEN
    assert desk.reason(PHONE) is Reason.BEDTIME
    for device in (TABLET, PHONE):
        with pytest.raises(GatewayError, match="used before"):
            desk.ask("redeem", device=device, code=code)
    desk.restart()
    with pytest.raises(GatewayError, match="used before"):
        desk.ask("redeem", device=TABLET, code=code)
    desk.ask("redeem", device=PHONE, code=other)
    assert desk.reason(PHONE) is Reason.OPEN
    assert [line.what for line in desk.store.audit.lines()] == ["ticket", "ticket", "tickets"]
    for one in (code, other):
        assert one.replace("-", "").encode() not in (desk.folder / "state" / "q.db").read_bytes()
        assert one not in str(desk.store.audit.lines())


def test_one_for_a_child_is_nobody_elses(make: Make) -> None:
    desk = make(LATE)
    (code,) = codes(desk, "daughter")
    with pytest.raises(GatewayError, match="someone else"):
        desk.ask("redeem", device=PHONE, code=code)
    desk.ask("redeem", device=TABLET, code=code)


def test_in_a_pause_it_stays_good(make: Make) -> None:
    desk = make(LATE)
    (code,) = codes(desk)
    desk.ask("pause", who="daughter", minutes=10)
    with pytest.raises(GatewayError, match=sentence(Code.CODE_IN_PAUSE, name="Daughter")):
        desk.ask("redeem", device=TABLET, code=code)
    desk.ask("resume", who="daughter")
    desk.ask("redeem", device=TABLET, code=code)


def test_and_where_nothing_closes(make: Make) -> None:
    desk = make(LATE, son={"bedtime": {}, "limits": {}})
    (code,) = codes(desk)
    with pytest.raises(GatewayError, match="nothing to extend"):
        desk.ask("redeem", device=PHONE, code=code)
    desk.ask("redeem", device=TABLET, code=code)


def test_who_guesses_has_to_wait(make: Make) -> None:
    desk = make(LATE)
    (code,) = codes(desk)
    for _ in range(5):
        with pytest.raises(GatewayError, match=sentence(Code.CODE_UNKNOWN)):
            desk.ask("redeem", device=TABLET, code=WRONG)
        desk.clock.at += MINUTE
    with pytest.raises(GatewayError, match=sentence(Code.TOO_MANY_TRIES, minutes=5)):
        desk.ask("redeem", device=TABLET, code=code)
    desk.clock.at += 5 * MINUTE
    desk.ask("redeem", device=TABLET, code=code)


def test_all_devices_together_too(make: Make) -> None:
    desk = make(LATE)
    (code,) = codes(desk)
    devices = ["02:00:00:00:00:0a", "02:00:00:00:00:1a", "02:00:00:00:00:0b"]
    for number in range(50):
        with pytest.raises(GatewayError, match=sentence(Code.CODE_UNKNOWN)):
            desk.ask("redeem", device=devices[number % 3], code=WRONG)
        tries = inspect.unwrap(desk._verbs["redeem"]).__self__._tries
        tries.forget(devices[number % 3])  # as many devices as it likes
    with pytest.raises(GatewayError, match=sentence(Code.TOO_MANY_TRIES, minutes=10)):
        desk.ask("redeem", device=TABLET, code=code)


def test_after_ninety_days_it_is_paper(make: Make) -> None:
    desk = make(LATE)
    answer = desk.ask("ticket", who="all", minutes=30)
    assert answer["until"] == at(LATE) + timedelta(days=90)
    desk.clock.at += timedelta(days=90)
    desk.gates.sync()
    with pytest.raises(GatewayError, match="older than 90 days"):
        desk.ask("redeem", device=TABLET, code=answer["codes"][0])


def test_not_more_than_so_many(make: Make) -> None:
    desk = make(LATE)
    for _ in range(MAX_UNUSED // 40):
        codes(desk, count=40)
    with pytest.raises(GatewayError, match=sentence(Code.TOO_MANY_CODES, unused=200, most=200)):
        codes(desk)
    for values, said in (({"count": 41}, "from 1 to 40"), ({"minutes": 241}, "from 1 to 240")):
        with pytest.raises(GatewayError, match=said):
            desk.ask("ticket", **{"who": "all", "minutes": 30, **values})
    with pytest.raises(GatewayError, match="no child's"):
        desk.ask("ticket", who=STRANGER, minutes=30)


def test_unused_ones_are_listed_by_what_was_made_at_once(make: Make) -> None:
    desk = make(LATE)
    assert desk.ask("tickets", Role.WEB) == {"batches": []}
    used, *_ = codes(desk, "daughter", count=3)
    codes(desk, "daughter", count=3)
    desk.clock.at += MINUTE
    codes(desk)
    desk.ask("redeem", device=TABLET, code=used)
    desk.restart()
    newest, *others = desk.ask("tickets", Role.WEB)["batches"]
    assert (newest["count"], newest["who"], newest["name"]) == (1, "", "")
    assert sorted(one["count"] for one in others) == [2, 3]
    assert len({one["id"] for one in (newest, *others)}) == 3
    for one in others:
        assert isinstance(one.pop("id"), str)
        del one["count"]
        assert one == {
            "minutes": 30,
            "who": "daughter",
            "name": "Daughter",
            "made": at(LATE),
            "until": at(LATE) + timedelta(days=90),
            "by": "Mum",
        }
    desk.clock.at += timedelta(days=90)
    assert desk.ask("tickets")["batches"] == []


def test_a_batch_is_withdrawn(make: Make) -> None:
    desk = make(LATE)
    desk.store.people.put(Account("Mum", secret="stamp"))
    used, lost = codes(desk, "daughter", count=2)
    (kept,) = codes(desk)
    batch = next(one["id"] for one in desk.ask("tickets")["batches"] if one["who"])
    desk.ask("redeem", device=TABLET, code=used)
    assert desk.ask("withdraw", Role.WEB, batch=batch, by="Mum", origin="192.168.1.7") == {"count": 1}
    line = desk.store.audit.lines()[0]
    assert (line.who, line.what, line.detail) == ("Mum", "withdraw", "daughter: 1 of 30 min")
    assert line.origin == "192.168.1.7"
    desk.restart()
    with pytest.raises(GatewayError, match=sentence(Code.CODE_UNKNOWN)):
        desk.ask("redeem", device=TABLET, code=lost)
    with pytest.raises(GatewayError, match="used before"):
        desk.ask("redeem", device=TABLET, code=used)
    desk.ask("redeem", device=PHONE, code=kept)
    for gone in (batch, "ffffffff"):
        with pytest.raises(GatewayError, match=sentence(Code.NO_GOOD_CODES)):
            desk.ask("withdraw", batch=gone)


def test_a_clock_that_is_set_leaves_a_batch_its_name(make: Make) -> None:
    desk = make(LATE)
    codes(desk, count=2)
    (before,) = desk.ask("tickets")["batches"]
    desk.jump(timedelta(days=3))
    (after,) = desk.ask("tickets")["batches"]
    assert (after["id"], after["count"]) == (before["id"], 2)
