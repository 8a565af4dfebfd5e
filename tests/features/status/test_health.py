"""Health over the control socket: checks in a process of their own, figures, the log, the support file."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, cast

import pytest

from gateway.control.contract.health import HealthFigures
from gateway.control.permissions import WEB_VERBS
from gateway.control.protocol import Role, encode
from gateway.core.errors import ControlError
from gateway.core.logs import KEPT, LINE_LIMIT, LastLines
from gateway.core.reason_codes import Code
from gateway.features.status import vitals
from gateway.features.status.checking import FRESH, MOST, PAUSE, TEXT_LIMIT, GatewayCheck
from gateway.features.status.health import HealthVerbs
from tests.features.conftest import Make
from tests.features.desk import NOON, Desk, Running
from tests.figures import HEALTH_FIGURES
from tests.sentences import sentence

MARKERS = ("Aruzhan", "daughter", "02:00:00:00:00:0a", "tiktok", "school.example", "Mum", "192.168")
log = logging.getLogger("gateway.of.a.test")


@pytest.fixture
def desk(make: Make, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setattr(vitals.Vitals, "figures", lambda _: HEALTH_FIGURES)
    return make(NOON)


def checking(desk: Desk) -> tuple[GatewayCheck, Running]:
    """With an errand that a test ends."""
    one = cast("HealthVerbs", cast("Any", inspect.unwrap(desk._verbs["health"])).__self__)._checking
    errand = Running()
    one._process = cast("Any", errand)
    return one, errand


def end(one: GatewayCheck, errand: Running, *found: dict[str, str], status: int = 0, words: str = "") -> None:
    for finding in found:
        one._found(finding)
    errand.running = False
    one._done(status, words)


def finding(level: str, about: str, text: str) -> dict[str, Any]:
    values = {"name": "ut1"}
    return {"level": level, "about": about, "text": text, "fix": "do it", "code": "x", "values": values}


def test_the_pages_may_ask_for_both() -> None:
    assert {"health", "support"} <= WEB_VERBS


def test_the_first_look_begins_the_checks_and_their_end_is_told(desk: Desk) -> None:
    one, errand = checking(desk)
    told = desk.ask("health", Role.WEB)
    assert told["check"] == {"running": True, "ended": None, "findings": [], "problem": ""}
    assert errand.arguments == [["gateway", "check", "--steps", "--config", str(desk.rules.path)]]
    end(one, errand, finding("warning", "lists", "ut1 is 9 days old"))
    told = desk.ask("health", Role.WEB)["check"]
    assert told["findings"] == [finding("warning", "lists", "ut1 is 9 days old")]
    assert (told["running"], told["ended"]) == (False, desk.local_now())
    assert [event["what"] for event in desk.heard("health")] == ["begun", "ended"]


def test_what_was_found_is_good_for_a_while_and_again_waits_a_little(desk: Desk) -> None:
    one, errand = checking(desk)
    desk.ask("health")
    desk.ask("health", again=True)
    assert len(errand.arguments) == 1, "one at a time"
    end(one, errand)
    desk.ask("health", again=True)
    assert len(errand.arguments) == 1, "it has just ended"
    desk.go(timedelta(seconds=PAUSE))
    desk.ask("health")
    assert len(errand.arguments) == 1
    desk.ask("health", again=True)
    assert len(errand.arguments) == 2
    end(one, errand)
    desk.go(timedelta(seconds=FRESH))
    desk.ask("health")
    assert len(errand.arguments) == 3


def test_checks_that_come_to_no_end_leave_what_was_known(desk: Desk) -> None:
    one, errand = checking(desk)
    desk.ask("health")
    end(one, errand, finding("ok", "nft", "through libnftables"))
    desk.go(timedelta(seconds=FRESH))
    desk.ask("health")
    end(one, errand, status=1, words="Traceback\nMemoryError: none left\n")
    told = desk.ask("health")["check"]
    assert told["problem"] == "MemoryError: none left"
    assert [found["about"] for found in told["findings"]] == ["nft"]


def test_a_program_that_cannot_be_started_is_refused_and_logged(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    _, errand = checking(desk)

    def refuse(arguments: Sequence[str]) -> None:
        raise OSError(11, "Resource temporarily unavailable")

    errand.start = refuse  # type: ignore[method-assign]
    with pytest.raises(ControlError, match=sentence(Code.BUSY)):
        desk.ask("health")
    assert "failed: Resource temporarily unavailable." in caplog.text


def test_what_is_found_is_bounded(desk: Desk) -> None:
    one, errand = checking(desk)
    desk.ask("health")
    many = [finding("ok", "profile", "x" * 9000) for _ in range(MOST + 5)]
    end(one, errand, *many, {"level": "strange", "about": "x"})
    found = desk.ask("health")["check"]["findings"]
    assert len(found) == MOST
    assert len(found[0]["text"]) == TEXT_LIMIT


def test_the_support_file_has_nothing_personal(desk: Desk) -> None:
    one, errand = checking(desk)
    desk.ask("support", Role.WEB)
    end(
        one,
        errand,
        finding("ok", "profile", "daughter: band 10-12, 2 devices"),
        finding("warning", "dhcp", "3 of 4 devices have no lease (02:00:00:00:00:0a)"),
        finding("error", "uplink", "wan and br-lan are both in 192.168.1.0/24"),
        finding("error", "offload", "the module xt_FLOWOFFLOAD accelerates connections past all rules"),
    )
    log.warning("%s asked for %s from %s", "Aruzhan", "www.tiktok.com", "02:00:00:00:00:0a")
    log.error("%s", "daughter.yaml:3: school.example is no host")
    try:
        raise ValueError("Mum")
    except ValueError:
        log.exception("a packet of %d bytes could not be judged", 60)
    told = desk.ask("support", Role.WEB)
    text = encode(told).decode()
    for marker in MARKERS:
        assert marker not in text, marker
    assert [(found["about"], "text" in found) for found in told["findings"]] == [
        ("profile", False), ("dhcp", False), ("uplink", False), ("offload", True),
    ]  # fmt: skip
    assert [line["text"] for line in told["log"][:3]] == [
        "a packet of … bytes could not be judged (ValueError)", "…", "… asked for … from …",
    ]  # fmt: skip
    assert told["log"][0]["place"].startswith("gateway.of.a.test:")
    assert {"version", "python", "kernel", "machine", "platform", "figures", "samples"} <= told.keys()


def test_a_guardian_reads_the_log_whole_with_how_often(desk: Desk) -> None:
    checking(desk)
    for _ in range(3):
        log.warning("%s is full", "/var/lib/qalqan")
    log.info("nobody needs this")
    log.warning("the code is %s", "K7QD-2MXA", extra={"secret": True})
    secret, line = desk.ask("health")["log"][:2]
    assert secret["text"] == "the code is …"
    assert (line["text"], line["times"], line["level"]) == ("/var/lib/qalqan is full", 3, "warning")
    assert line["first"] <= line["last"]


def test_the_log_is_bounded_and_ends_with_its_listener() -> None:
    lines = LastLines()
    for number in range(KEPT + 7):
        log.warning("%s", f"{number} " + "x" * 2 * LINE_LIMIT)
    assert len(lines.lines()) == KEPT
    assert lines.lines()[0].text.startswith(f"{KEPT + 6} ")
    assert len(lines.lines()[0].text) == LINE_LIMIT
    lines.close()
    log.warning("nobody listens")
    assert lines.lines()[0].text.startswith(f"{KEPT + 6} ")


def test_a_sample_a_minute_of_the_last_hour(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    checking(desk)
    counted = {"packets": 0, "dropped": 0}
    figures = {**vars(HEALTH_FIGURES)}
    monkeypatch.setattr(vitals.Vitals, "figures", lambda _: HealthFigures(**figures | counted))
    desk.vitals.start()
    for minute in range(vitals.KEPT + 3):
        counted["packets"] += 60 * minute
        counted["dropped"] = 2
        desk.go(timedelta(minutes=1))
    told = desk.ask("health")["samples"]
    assert len(told) == vitals.KEPT
    assert (told[0]["packets"], told[-1]["packets"]) == (60 * 3, 60 * (vitals.KEPT + 2))
    assert told[-1]["dropped"] == 0
    assert told[-1]["at"] == desk.local_now()
    assert told[-1]["resident"] == 31_000_000
    counted["packets"] = 5  # the queues were bound anew
    desk.go(timedelta(minutes=1))
    assert desk.ask("health")["samples"][-1]["packets"] == 0


def test_the_machine_says_how_it_is() -> None:
    told = vitals.machine()
    assert told.memory > told.available > 0
    assert told.uptime > 0
    assert len(told.load) == 3
