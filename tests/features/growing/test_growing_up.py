"""At 18 control ends and nothing stays in the file; and steps that are cut short by a kill."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.core.reason_codes import Code
from gateway.features.time.grants import Giver
from gateway.household import file_history as filehistory
from gateway.policy.accounts.people import Account
from gateway.policy.time.clock_changes import MomentKind
from gateway.policy.values import Decision, Proto, Reason, Verdict
from gateway.store.database import Database
from gateway.store.tables.grants import GrantKind
from tests.features.backup.backed_up import sent, taken
from tests.features.conftest import Make
from tests.features.desk import PHONE, TABLET, Desk
from tests.features.growing.stepping import DAY, MAY, STEP, go, stage, step, steps, web
from tests.features.rules.edited import audit, edit, refused, says
from tests.store.helpers import look

TEEN = {"band": "16-17", "next_step": "2027-05", "block": ["marker-block.test"],
        "limits": {"internet": "2h"}}  # fmt: skip


def furnished(make: Make, when: str = MAY) -> Desk:
    """A person of 17 with everything that is kept of one, marked."""
    desk = make(when, daughter=TEEN)
    now = desk.local_now()
    web(desk, "edit", id="daughter", set={"block/marker-edit.test": True})
    for host, verdict in (("marker-refused.test", Verdict.BLOCK), ("marker-seen.test", Verdict.ALLOW)):
        decision = Decision(verdict, Reason.FAMILY_BLOCK, f"block: {host}", "family")
        desk.store.events.record(
            decision, host=host, proto=Proto.TLS, profile="daughter", device=TABLET, level=3,
            category="marker-kind", at=now,
        )  # fmt: skip
    desk.store.flush(0.0, force=True)
    desk.store.history.keep(now.date() - DAY, {("daughter", "category:marker-use"): 7})
    desk.store.minutes.keep(now.date() - DAY, {("daughter", "marker-gate"): 7})
    asked = web(desk, "request", device=TABLET, minutes=15, reason="marker-reason")
    giver = Giver("Mum", GrantKind.GRANT, now, desk.store.grants.new_number(now))
    desk.grants.open("daughter", "Daughter", "marker-open.test", now + DAY, MomentKind.LASTING, giver)
    web(desk, "pin", action="set", who="daughter", pin="4711")
    web(desk, "self_set", device=TABLET, pin="4711", set={"bedtime": "22:00-07:00", "limits/play": "1h"})
    web(desk, "agreement", action="agree", id="daughter")
    web(desk, "pause", who="daughter", minutes=60)
    web(desk, "ticket", who="daughter", minutes=15, count=1)
    web(desk, "answer", id=asked["request"]["id"], answer="once")
    return desk


def test_at_18_control_ends_and_nothing_of_it_stays_in_the_file(make: Make) -> None:
    desk = furnished(make)
    database = desk.folder / "state" / "q.db"
    assert b"marker" in bytes_of(database)
    go(desk, 29 * DAY)
    found = step(desk)
    assert found is not None
    assert (found["then"], found["on"], found["later"]) == ("adult", "2027-05-31", [])
    assert b"marker" in bytes_of(database), "no mere lapse of time has taken it"
    go(desk, DAY)
    told = step(desk)
    assert told is not None
    assert (told["stage"], told["by_itself"]) == ("taken", True)
    assert says(desk) == {"name": "Daughter", "band": "adult", "devices": [TABLET, "02:00:00:00:00:1a"]}
    assert desk.family.member_of(TABLET) is None, "no rules and no log: it has no slot"
    assert desk.ask("device", mac=TABLET)["step"]["name"] == "Daughter"
    assert desk.ask("device", mac=TABLET)["profile"] == "adult"
    assert "step" not in desk.ask("device", mac=PHONE)
    store = desk.store
    assert not [one for one in store.requests.all() if one.who == "daughter"]
    assert not store.grants.given({"daughter"})
    assert not store.tickets.all()
    assert not store.state(desk.local_now()).pauses
    assert store.pins.of("daughter") is None
    for table in (
        "self_set",
        "agreements",
        "decisions",
        "counts",
        "minutes",
        "uses",
        "requests",
        "openings",
        "extensions",
    ):
        rows = look(database, f"SELECT * FROM {table}")
        assert not [row for row in rows if "daughter" in row], table
    desk.store.close()
    for path in (*database.parent.glob("q.db*"), *(desk.folder / "profiles").rglob("*")):
        assert path.is_dir() or b"marker" not in path.read_bytes(), path
    desk.store = type(desk.store)(database)


def test_of_the_audit_who_and_when_stays_and_no_more(make: Make) -> None:
    desk = furnished(make)
    before = {(who, what) for who, what, _ in audit(desk)}
    go(desk, 31 * DAY)
    lines = audit(desk)
    assert before <= {(who, what) for who, what, _ in lines}
    about = {what: detail for _, what, detail in lines if "daughter" in detail}
    assert {about[what] for what in ("edit", "self set", "pause", "request", "answer", "tickets")} == {
        "daughter"
    }
    assert about["step by itself"] == "daughter: 16-17 → adult"


def test_adulthood_is_neither_put_off_nor_written_away(make: Make) -> None:
    desk = make(MAY, daughter=TEEN)
    put = {"id": "daughter", "until": "2027-09", "reason": "x"}
    assert refused(desk, "postpone_step", **put)[0] == Code.ADULT_NEXT
    for changes in ({"next_step": "2028-05"}, {"next_step": None}, {"band": "13-15"}):
        assert refused(desk, "edit", id="daughter", set=changes, by="Mum")[0] == Code.ADULT_NEXT
    edit(desk, safe_search="strict", next_step="2027-05")
    assert web(desk, "take_step", id="daughter")["band"] == "adult"
    assert says(desk).keys() == {"name", "band", "devices"}
    assert refused(desk, "unedit", id="daughter", revision=1, by="Mum")[0] == Code.NO_REVISION


def test_no_way_back_writes_adulthood_away(make: Make) -> None:
    """The undo of an edit, a backup of before, and the way back from one."""
    desk = make("2027-04-20T12:00", daughter={**TEEN, "next_step": "2028-05"})
    desk.store.people.put(Account("Mum", came=True))
    later = taken(desk)
    done = web(desk, "edit", id="daughter", set={"next_step": "2027-05"})
    right = taken(desk)
    go(desk, 15 * DAY)
    assert stage(desk) == "proposed"
    back = {"id": "daughter", "revision": done["undo"], "by": "Mum"}
    assert refused(desk, "unedit", **back)[0] == Code.ADULT_NEXT
    for action in ("look", "apply"):
        token = sent(desk, later)
        assert refused(desk, "restore", action=action, token=token, by="Mum")[0] == Code.ADULT_NEXT
    broken = json.loads(right)
    broken["profiles"]["daughter.yaml"] = "name: Daughter\nband: [\n"
    token = sent(desk, json.dumps(broken))
    assert refused(desk, "restore", action="apply", token=token, by="Mum")[0] == Code.ADULT_NEXT
    assert says(desk)["next_step"] == "2027-05"
    assert web(desk, "restore", action="apply", token=sent(desk, right))["problems"] == []
    assert stage(desk) == "proposed"


def test_the_way_back_from_a_backup_neither_delays_nor_keeps_anything(make: Make) -> None:
    desk = make("2027-04-20T12:00", daughter={**TEEN, "next_step": "2028-05"})
    desk.store.people.put(Account("Mum", came=True))
    done = web(desk, "edit", id="daughter", set={"next_step": "2027-05"})
    wanted = taken(desk)
    web(desk, "unedit", id="daughter", revision=done["undo"])
    web(desk, "restore", action="apply", token=sent(desk, wanted))
    go(desk, 15 * DAY)
    assert stage(desk) == "proposed"
    assert refused(desk, "restore", action="undo", by="Mum")[0] == Code.ADULT_NEXT
    kept = desk.folder / "state" / "restored.json"
    assert b"marker-block.test" in kept.read_bytes()
    go(desk, 30 * DAY)
    assert says(desk)["band"] == "adult"
    assert not kept.exists(), "it had the rules of a child"


def test_the_audit_tells_no_device_or_site_of_an_adult_any_more(make: Make) -> None:
    desk = furnished(make)
    now = desk.local_now()
    details = {
        "assign": f"{PHONE} daughter",
        "hand over": f"{PHONE} daughter",
        "list_report": "marker.test adult son daughter",
        "device moved": f"{PHONE} {TABLET} daughter marker-sign",
        "card put away": f"{TABLET} vpn",
        "name_device": f"{TABLET} marker-label",
        "resume": TABLET,
        "device mark": f"{PHONE} no_mobile_data: yes",
    }
    for what, detail in details.items():
        desk.store.audit.record(what, detail, by="Mum", at=now)
    desk.store.audit.record("assign", f"{PHONE} son", by="Mum", at=now)
    go(desk, 31 * DAY)
    found = {(what, detail) for _, what, detail in audit(desk)}
    told = {(what, "daughter") for what in details if what != "device mark"}
    assert told <= found
    assert {("assign", f"{PHONE} son"), ("device mark", details["device mark"])} <= found
    assert not any("marker" in detail or detail.startswith(TABLET) for _, detail in found)


def test_an_adult_by_the_page_of_bands_is_one_as_well(make: Make) -> None:
    """Once adulthood is proposed, the band alone is a yes: what was written down goes."""
    desk = furnished(make)
    edit(desk, band="adult")
    go(desk, timedelta(minutes=2))
    assert says(desk).keys() == {"name", "band", "devices"}
    assert stage(desk) == "taken"
    assert b"marker" not in bytes_of(desk.folder / "state" / "q.db")


def test_a_gateway_that_was_off_over_the_birthday_ends_control_within_three_days(make: Make) -> None:
    desk = make("2027-12-24T12:00", daughter=TEEN)
    go(desk, 2 * DAY)
    assert says(desk)["band"] == "16-17"
    go(desk, DAY)
    assert says(desk)["band"] == "adult"


# ------------------------------------------------------------------------------------------- cut short


class KilledError(BaseException):
    """The process is gone: nothing after it runs."""


@pytest.fixture
def killer(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, int]]:
    """``after``: how many more writes, of the database or of a file, there are before the kill."""
    left: dict[str, int] = {}

    def counted(real: Any) -> Any:
        def call(*args: Any, **values: Any) -> Any:
            if "after" in left:
                left["after"] -= 1
                if left["after"] < 0:
                    raise KilledError
            return real(*args, **values)

        return call

    monkeypatch.setattr(Database, "write", counted(Database.write))
    for name in ("write_atomically", "_remove"):
        monkeypatch.setattr(filehistory, name, counted(getattr(filehistory, name)))
    yield left
    left.clear()


@pytest.mark.parametrize("teen", [pytest.param(False, marks=pytest.mark.slow), True])
def test_killed_at_any_write_the_step_happens_once_and_whole(
    make: Make, killer: dict[str, int], *, teen: bool
) -> None:
    for writes in itertools.count():
        desk = furnished(make, "2027-05-29T12:00") if teen else make("2027-05-02T12:00", daughter=STEP)
        go(desk, (2 if teen else 29) * DAY)
        killer["after"] = writes
        killed = False
        try:
            go(desk, 2 * DAY)
        except KilledError:
            killed = True
        killer.clear()
        after_kill(desk)
        go(desk, timedelta(minutes=2))
        wanted = "adult" if teen else "13-15"
        assert says(desk)["band"] == wanted, writes
        assert steps(desk).count(("qalqan", "step by itself")) == 1, writes
        if teen:
            assert says(desk).keys() == {"name", "band", "devices"}
            assert b"marker" not in bytes_of(desk.folder / "state" / "q.db"), writes
            assert not [one for one in desk.store.requests.all() if one.who == "daughter"]
        else:
            assert (says(desk)["next_step"], stage(desk)) == ("2030-05", "taken")
        desk.stop()
        clean(desk.folder)
        if not killed:
            assert writes > 5
            return


def after_kill(desk: Desk) -> None:
    """A new process: memory is what the disk has."""
    desk.store._database.close()
    desk.loop = type(desk.loop)(lambda: desk.clock.now() - desk.clock.set_by)
    desk.rules = type(desk.rules)(desk.folder / "qalqan.yaml")
    desk.start()


def clean(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()


def bytes_of(database: Path) -> bytes:
    return b"".join(path.read_bytes() for path in database.parent.glob(f"{database.name}*"))
