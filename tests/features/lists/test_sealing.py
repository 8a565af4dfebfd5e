"""Sealed lists in the daemon: for whom they hold, what is kept of a hit, who may ask how often."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from gateway.core.bus import Bus, ControlEvent
from gateway.core.errors import ControlError, GatewayError
from gateway.core.reason_codes import Code
from gateway.features.activity.journal import DecisionLog
from gateway.household.members import EVERYONE
from gateway.lists.sealed import SealedShelf
from gateway.path.guess_limit import MAX_NAMES, WINDOW
from gateway.policy.sealed.source import SealedSource
from gateway.policy.values import Observation, Proto, Reason
from tests.features.conftest import Make
from tests.features.decisions import new_decision_log
from tests.features.desk import Desk
from tests.household.a_home import MUMS, NOON, PHONE, STRANGER, TABLET, Home
from tests.sealing import DAY, Issuer, Made, setting
from tests.sentences import sentence

MADE = int(NOON.timestamp()) - 60
SEALED, MALWARE = "sealed-marker.invalid", "malware.test.qalqan.invalid"
PHISHING = "phishing.test.qalqan.invalid"
ISSUER = Issuer()


def in_force(folder: Path, made: Made | None = None, names: tuple[str, ...] = (SEALED,)) -> SealedSource:
    """A set in the state directory of a home that is made in ``folder`` afterwards."""
    made = made or ISSUER.make(names, made=MADE)
    source = ISSUER.publish(folder / "isp", made)
    SealedShelf(folder / "state").offer(source, made.data, [made.key], (), NOON.timestamp())
    return source


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    source = in_force(tmp_path)
    built = Home(
        tmp_path,
        {
            "band": "10-12",
            "name": "Daughter",
            "devices": [TABLET],
            "allow": [SEALED],
            "homework": [SEALED],
            "log_level": 2,
        },
        sealed=[setting(source)],
        unknown_devices="quarantine",
    )
    yield built
    built.store.close()


@pytest.mark.parametrize("mac", [TABLET, PHONE, MUMS, STRANGER], ids=["child", "teen", "adult", "new"])
@pytest.mark.parametrize("host", [SEALED, f"www.a.{SEALED}"])
def test_it_holds_for_every_device_whatever_is_allowed(home: Home, mac: str, host: str) -> None:
    assert home.reason(mac, host) is Reason.REFUSED_FOR_EVERYONE
    assert home.rules.binds_everyone


@pytest.mark.parametrize("unknown", ["guest", "home"])
def test_it_holds_for_guests_and_things_of_the_house(tmp_path: Path, unknown: str) -> None:
    source = in_force(tmp_path)
    built = Home(tmp_path, sealed=[setting(source)], unknown_devices=unknown)
    assert built.reason(STRANGER, SEALED) is Reason.REFUSED_FOR_EVERYONE
    built.store.close()


@pytest.mark.parametrize("proto", [Proto.TLS, Proto.QUIC, Proto.HTTP])
def test_it_holds_for_hellos_and_while_all_is_off_paused_or_taught(home: Home, proto: Proto) -> None:
    member = home.family.member_of(TABLET)
    assert member is not None
    late = NOON + timedelta(hours=1)
    for situation in (
        replace(member.situation, off_until=late),
        replace(member.situation, paused_until=late),
        replace(member.situation, allowed=((SEALED, late),)),
        replace(member.situation, quarantined=True),
    ):
        seen = Observation(proto, SEALED, bytes([192, 0, 2, 7]), 443)
        assert member.judge.decide(seen, situation, NOON).reason is Reason.REFUSED_FOR_EVERYONE


def test_a_help_line_goes_first(tmp_path: Path) -> None:
    """An issuer's mistake: such a set is not taken, and one that is there all the same refuses no help."""
    source = in_force(tmp_path, names=("childline.org.uk",))
    built = Home(tmp_path, sealed=[setting(source)])
    assert built.reason(TABLET, "www.childline.org.uk") is Reason.HELP
    built.store.close()


def test_why_says_of_sealed_malware_and_phishing_the_same(make: Make, tmp_path: Path) -> None:
    desk = _desk(make, tmp_path)
    kinds = SEALED, MALWARE, PHISHING
    for who in ({"profile": "daughter"}, {"profile": "mum"}, {"device": STRANGER}):
        told = [str(desk.ask("why", host=host, **who)).replace(host, "x") for host in kinds]
        assert told[0] == told[1] == told[2]
        assert "refused_for_everyone" in told[0]
        for word in ("csam", "seal", "malware", "phish"):
            assert word not in told[0]
    looked = [str(desk.ask("list_lookup", host=host)).replace(host, "x") for host in kinds]
    assert looked[0] == looked[1] == looked[2]


# ---------------------------------------------------------------------------------------- no record


@pytest.mark.parametrize("level", [0, 1, 2, 3])
@pytest.mark.parametrize("band", ["0-5", "6-9", "10-12", "13-15", "16-17", "adult"])
def test_a_hit_leaves_one_in_the_homes_total_and_nothing_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, band: str, level: int
) -> None:
    caplog.set_level(logging.DEBUG)
    source = in_force(tmp_path)
    child = {"name": "Daughter", "band": band, "devices": [TABLET], "log_level": level}
    home = Home(tmp_path, cast("Any", child), sealed=[setting(source)])
    events: list[object] = []
    bus = Bus()
    bus.subscribe(ControlEvent, events.append)
    decision_log = new_decision_log(home.store, home.family, lambda: NOON, home.rules, bus)
    slots = set()  # devices of adults without rules have one slot
    for mac in (TABLET, MUMS, STRANGER):
        member = home.family.member_of(mac)
        subject = home.family.subjects[EVERYONE if member is None else member.slot]
        for proto in (Proto.DNS, Proto.TLS, Proto.QUIC, Proto.HTTP):
            seen = Observation(proto, f"x.{SEALED}", bytes(4), 443)
            decision_log.decided(subject, seen, subject.decide(seen, NOON), NOON)
        slots.add(subject.slot)  # DNS, TLS, QUIC and HTTP within a moment are one attempt
    assert events == []
    assert decision_log.recent.of(frozenset(home.family.members), NOON, 100) == []
    home.store.flush(0.0, force=True)
    day = home.rules.calendar.family_day(NOON)
    assert home.store.history.home_total(day, Reason.REFUSED_FOR_EVERYONE) == len(slots)
    for who in home.rules.household.profiles:
        assert home.store.history.counts(who, day, day) == []
    assert home.store.audit.lines() == []
    for file in (tmp_path / "state").rglob("*"):
        assert not file.is_file() or b"marker" not in file.read_bytes()
    assert "marker" not in caplog.text
    home.store.close()


def test_the_page_of_a_refused_request_is_asked_for_without_its_name(home: Home) -> None:
    subject = home.family.subjects[EVERYONE]
    seen = [Observation(Proto.HTTP, host, bytes(4), 80) for host in (SEALED, MALWARE)]
    pages = {DecisionLog.refused_page(one, subject.decide(one, NOON)) for one in seen}
    assert pages == {"http://qalqan.home.arpa/refused?reason=refused_for_everyone"}


def test_no_core_dump_and_nobody_reads_the_memory() -> None:
    code = (
        "import ctypes, resource; from gateway.core.process_memory import disable_core_dumps;"
        "disable_core_dumps();"
        "print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0), resource.getrlimit(resource.RLIMIT_CORE))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said == "0 (0, 0)\n"


# ---------------------------------------------------------------------------------------- asked


def _desk(make: Make, folder: Path, names: tuple[str, ...] = (SEALED,)) -> Desk:
    return make("2026-11-25T12:00", sealed=[setting(in_force(folder, names=names))])


ASKED: list[tuple[str, dict[str, object]]] = [
    ("why", {"profile": "daughter"}),
    ("filter_test_site", {"id": "daughter", "by": "Mum"}),
    ("list_lookup", {}),
    ("list_report", {"by": "Mum"}),
]


@pytest.mark.parametrize(("verb", "values"), ASKED, ids=[verb for verb, _ in ASKED])
def test_a_thousand_names_over_the_socket_meet_the_bound(
    make: Make, tmp_path: Path, verb: str, values: dict[str, object]
) -> None:
    names = tuple(f"n{one}.{SEALED}" for one in range(0, 1000, 4))
    desk = _desk(make, tmp_path, names)
    told = refused = 0
    for one in range(1000):
        try:
            answer = desk.ask(verb, host=f"n{one}.{SEALED}", **values)
            told += "refused_for_everyone" in (
                answer.get("reason"),
                answer.get("refused_for_everyone") and "refused_for_everyone",
            )
        except GatewayError as error:
            told += error.code == Code.FOR_EVERYONE
            refused += error.code == Code.ASK_LATER
    assert told == MAX_NAMES
    assert refused == 1000 - 4 * (MAX_NAMES - 1) - 1
    with pytest.raises(ControlError, match=sentence(Code.ASK_LATER)):
        desk.ask(
            "why", host="www.example.org", profile="daughter"
        )  # whatever is asked, and by whichever verb
    desk.clock.at += timedelta(seconds=WINDOW)
    assert desk.ask("why", host="www.example.org", profile="daughter")["verdict"]


def test_a_child_that_asks_for_many_such_sites_meets_it_too(make: Make, tmp_path: Path) -> None:
    desk = _desk(make, tmp_path)
    codes = []
    for one in range(MAX_NAMES + 5):
        with pytest.raises(GatewayError) as refused:
            desk.ask("request", device=TABLET, site=f"n{one}.{SEALED}")
        codes.append(refused.value.code)
    assert codes == [Code.FOR_EVERYONE] * MAX_NAMES + [Code.ASK_LATER] * 5
    assert "marker" not in str(desk.events)


# ---------------------------------------------------------------------------------------- told


def test_an_expired_set_goes_on_and_is_told(make: Make, tmp_path: Path) -> None:
    desk = _desk(make, tmp_path)
    assert desk.sealed_lists.problems() == []
    assert desk.sealed_lists.figures() == {"sets": 1, "names": 1, "late": 0, "refused_today": 0}
    desk.clock.at += timedelta(seconds=8 * DAY)
    desk.sealed_lists._note_late()
    desk.sealed_lists._note_late()
    (problem,) = desk.sealed_lists.problems()
    assert problem.startswith("the sealed list of Test hotline has expired; it goes on")
    assert [(line.what, line.detail) for line in desk.store.audit.lines()] == [
        ("sealed_late", "Test hotline")
    ]
    assert desk.ask("why", host=SEALED, profile="mum")["reason"] == "refused_for_everyone"
    assert desk.sealed_lists.figures()["late"] == 1


def test_a_new_set_is_taken_over_and_a_broken_file_is_told(make: Make, tmp_path: Path) -> None:
    desk = _desk(make, tmp_path)
    source = desk.rules.household.config.sealed[0]
    newer = ISSUER.make(["newer.invalid"], made=MADE + 1)
    shelf = SealedShelf(tmp_path / "state")
    assert not desk.rules.read_sealed()
    shelf.offer(source, newer.data, [newer.key], (), NOON.timestamp())
    assert desk.rules.read_sealed()
    desk.reassign()
    assert desk.ask("why", host="newer.invalid", profile="mum")["reason"] == "refused_for_everyone"
    assert desk.ask("why", host=SEALED, profile="mum")["reason"] != "refused_for_everyone"
    shelf.path(source).write_bytes(b"x" * 300)
    desk.rules.read_sealed()
    (problem,) = desk.sealed_lists.problems()
    assert "is none at all" in problem


def test_a_source_that_is_new_is_fetched_at_once_and_the_others_every_six_hours(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The errand is the real one's start and end; tests/lab has the program that it runs."""
    started: list[datetime] = []
    desk = _desk(make, tmp_path)
    sealing = desk.sealed_lists

    def start(_errand: object, arguments: list[str]) -> None:
        assert arguments[:4] == ["gateway", "sealed", "update", "--nice"]
        started.append(desk.clock.at)
        sealing._ended(*ends.pop(0) if ends else (0, ""))

    ends = [(0, ""), (1, "qalqan: the key has not come yet")]
    monkeypatch.setattr("gateway.core.helper_process.HelperProcess.start", start)
    began = desk.clock.at
    sealing.start()
    desk.go(timedelta(hours=12, minutes=30))
    assert [round((at - began).total_seconds() / 60) for at in started] == [0, 360, 375, 735]
    sealing.reloaded()  # nothing is new
    desk.go(timedelta(minutes=1))
    assert len(started) == 4
    SealedShelf(tmp_path / "state").path(desk.rules.household.config.sealed[0]).unlink()
    desk.rules.reload()
    sealing.reloaded()
    desk.go(timedelta(minutes=1))
    assert len(started) == 5
    desk.watch.known = False
    desk.go(timedelta(hours=7))
    assert len(started) == 5  # by no clock at all nothing is late, and nothing is fetched
