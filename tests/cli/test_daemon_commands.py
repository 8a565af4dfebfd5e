"""Commands that ask the daemon, over a real control socket: what they send, and how they tell the answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest

from gateway.cli import list_updates
from gateway.cli.commands import feed, sealed
from gateway.cli.settings import read_config
from gateway.control.contract.devices import DEVICES
from gateway.control.contract.status import STATUS as STATUS_VERB
from gateway.control.schema import Json, to_json
from gateway.core.reason_codes import Code
from gateway.policy.config.config import Config
from tests.cli.conftest import Heard, Qalqan
from tests.control.running import running
from tests.figures import CHILD, HOME, PLAN

TONIGHT = (datetime.now(UTC) + timedelta(hours=1)).isoformat(timespec="seconds")


def asked(
    qalqan: Qalqan, config: Path, heard: Heard, *words: str
) -> tuple[str, list[tuple[str, dict[str, Any]]]]:
    with running(config.parent / "control.sock", heard.verbs()):
        done = qalqan(*words, "--config", config)
    assert (done.status, done.err) == (0, "")
    return done.out, heard.requests


# ---------------------------------------------------------------- pause, resume, off, on


@pytest.mark.parametrize(
    ("words", "sent", "said"),
    [
        (("pause", "all"), {"who": "all", "till_wake": True}, "all is paused until {}"),
        (("pause", "Son", "--for", "30m"), {"who": "Son", "minutes": 30}, "Son is paused until {}"),
        (("pause", "Son", "--for", "1h30m"), {"who": "Son", "minutes": 90}, "Son is paused until {}"),
        (("resume", "Son"), {"who": "Son"}, "Son is not paused any more"),
        (("off",), {}, "Times and categories are off for everyone until {}"),
        (("off", "--for", "1d"), {"minutes": 1440}, "Times and categories are off for everyone until {}"),
        (("on",), {}, "Filtering is on"),
    ],
)
def test_switches_send_what_is_meant(
    qalqan: Qalqan, config: Path, words: tuple[str, ...], sent: dict[str, Any], said: str
) -> None:
    do = words[0]
    heard = Heard(**{do: {"until": TONIGHT} if do in ("pause", "off") else {}})
    out, requests = asked(qalqan, config, heard, *words)
    assert requests == [(do, {**sent, "by": "console"})]
    assert out == said.format(datetime.fromisoformat(TONIGHT).strftime("%a %H:%M")) + "\n"


@pytest.mark.parametrize("length", ["", "30", "0m", "1h30", "-5m", "8d", "one hour", "30 m s"])
def test_a_duration_that_is_none_is_refused_before_the_daemon_is_asked(
    qalqan: Qalqan, config: Path, length: str
) -> None:
    said = qalqan("pause", "all", f"--for={length}", "--config", config).refusal
    assert said.startswith("--for: ")


def test_what_the_daemon_refuses_is_said_in_its_words(qalqan: Qalqan, config: Path) -> None:
    with running(config.parent / "control.sock", Heard(pause="there is no such profile").verbs()):
        assert qalqan("pause", "nobody", "--config", config).refusal == "there is no such profile"


def test_without_a_daemon_each_says_so(qalqan: Qalqan, config: Path) -> None:
    for words in (("status",), ("pause", "all"), ("device", "list"), ("guardian", "list"), ("on",)):
        said = qalqan(*words, "--config", config).refusal
        assert said.startswith("the daemon does not run")
        assert "qalqan run" in said


# ---------------------------------------------------------------- devices, guardians


def test_devices_are_listed(qalqan: Qalqan, config: Path) -> None:
    rows = [
        {
            "mac": "02:00:00:00:00:0a",
            "name": "Tab\x1b[2Jlet",
            "online": True,
            "ip": "192.168.1.20",
            "sightings": "moment",
            "profile": "son",
            "kind": "tablet",
            "vendor": "",
            "random": True,
            "addresses": ["fe80::1", "2001:db8::1", "192.168.1.20", "2001:db8::2"],
            "behind": [],
            "first_seen": TONIGHT,
            "last_seen": TONIGHT,
        },
        {
            "mac": "28:6f:b9:00:00:01",
            "name": "",
            "online": False,
            "ip": None,
            "sightings": "moment",
            "profile": "home",
            "vendor": "Acme",
            "addresses": [],
            "behind": ["02:00:00:00:00:0c"],
        },
    ]
    out, _ = asked(qalqan, config, Heard(devices={"devices": rows}), "device", "list")
    lines = out.splitlines()
    assert lines[1].startswith("02:00:00:00:00:0a  Tab?[2Jlet  son    online  tablet  random address")
    assert lines[1].endswith("192.168.1.20 2001:db8::1 2001:db8::2 +1")
    assert " ".join(lines[2].split()) == "28:6f:b9:00:00:01 - home away - Acme, a repeater for 1 - - -"
    out, _ = asked(qalqan, config, Heard(devices={"devices": rows}), "device", "list", "--json")
    assert json.loads(out) == to_json(DEVICES.decode_response({"devices": rows}))


def test_when_a_device_is_here_is_printed_as_it_is_reported(qalqan: Qalqan, config: Path) -> None:
    """Of a child at log level 1 the day, at 0 nothing."""
    day = "2026-11-24T00:00:00+05:00"
    quiet = {"online": None, "ip": None, "profile": "son", "addresses": ["192.168.1.20"]}
    rows = [
        {"mac": "02:00:00:00:00:0a", "sightings": "day", "first_seen": day, "last_seen": day, **quiet},
        {"mac": "02:00:00:00:00:0b", "sightings": "nothing", "first_seen": None, "last_seen": None, **quiet},
        {"mac": "02:00:00:00:00:0c", "sightings": "day", "first_seen": None, "last_seen": None, **quiet},
    ]
    out, _ = asked(qalqan, config, Heard(devices={"devices": rows}), "device", "list")
    _, of_day, of_nothing, never = out.splitlines()
    assert "private" in of_day
    assert "00:00" not in of_day.replace("02:00:00:00:00:0a", "")
    assert " ".join(of_nothing.split()) == "02:00:00:00:00:0b - son private - - - - 192.168.1.20"
    assert " ".join(never.split()) == "02:00:00:00:00:0c - son private - - - - 192.168.1.20"
    child = {"name": "Timur", "sentence": "Open.", "devices": [{"online": None}, {"online": None}]}
    out, _ = asked(qalqan, config, Heard(status=status(child)), "status")
    assert "Timur  2 devices, online status is private  Open." in out


def test_a_scan_says_how_many_answered_and_which_are_new(qalqan: Qalqan, config: Path) -> None:
    found = ["02:00:00:00:00:0a", "02:00:00:00:00:0b"]
    heard: dict[str, Any] = {
        "devices": {"devices": [{"mac": found[0], "sightings": "moment"}]},
        "scan": {"running": False, "found": found, "problem": ""},
    }
    out, requests = asked(qalqan, config, Heard(**heard), "device", "scan")
    assert out == "2 devices answered, 1 of them new\n02:00:00:00:00:0b\n"
    assert requests == [("devices", {}), ("scan", {}), ("scan", {"look": True})]
    out, _ = asked(qalqan, config, Heard(**heard), "device", "scan", "--json")
    assert json.loads(out) == {"found": found, "new": found[1:]}
    heard["scan"] = {"running": False, "found": [], "problem": "it broke"}
    with running(config.parent / "control.sock", Heard(**heard).verbs()):
        assert "it broke" in qalqan("device", "scan", "--config", config).refusal


def test_what_is_asked_about_a_device_is_listed_and_answered(qalqan: Qalqan, config: Path) -> None:
    mac = "da:a1:19:00:00:01"
    question = {
        "mac": mac,
        "ask": "again",
        "sightings": "moment",
        "sentence": "iPad may be\x1b Aruzhan's.",
        "replies": ["again", "not_same"],
        "people": True,
    }
    rows = [
        {
            "mac": mac, "profile": "daughter", "online": True, "ip": None, "sightings": "moment",
            "name": "iPad", "question": question,
        }
    ]  # fmt: skip
    heard = Heard(devices={"devices": rows}, identify={"profile": "guest", "problems": []})
    out, _ = asked(qalqan, config, heard, "device", "list")
    assert "iPad may be? Aruzhan's." in out
    assert f"  qalqan device assign {mac} PROFILE" in out
    assert f"  qalqan device answer {mac} again|not_same" in out
    out, requests = asked(qalqan, config, heard, "device", "answer", mac, "not-same")
    assert out == f"{mac}: guest\n"
    assert requests[-1:] == [("identify", {"mac": mac, "answer": "not_same", "by": "console"})]


def test_a_device_is_assigned_and_forgotten(qalqan: Qalqan, config: Path) -> None:
    heard = Heard(assign={"problems": [], "profile": "son"}, forget={"problems": []})
    out, requests = asked(qalqan, config, heard, "device", "assign", "02:00:00:00:00:0c", "Son")
    assert requests == [("assign", {"mac": "02:00:00:00:00:0c", "profile": "Son", "by": "console"})]
    assert "is son now" in out
    heard = Heard(forget={"problems": []})
    _, requests = asked(qalqan, config, heard, "device", "forget", "02:00:00:00:00:0c")
    assert requests == [("forget", {"mac": "02:00:00:00:00:0c", "by": "console"})]


def test_a_guardian_gets_a_link(qalqan: Qalqan, config: Path) -> None:
    heard = Heard(guardian={"guardian": "Mum", "token": "K7QD-2MXA-9TRB", "guardians": ["Mum"]})
    out, requests = asked(qalqan, config, heard, "guardian", "add", "Mum")
    assert requests == [("guardian", {"action": "add", "name": "Mum"})]
    assert out.splitlines()[1] == "http://qalqan.home.arpa/signin?code=K7QD-2MXA-9TRB"
    for action in ("reset", "remove"):
        _, requests = asked(qalqan, config, heard, "guardian", action, "Mum")
        assert requests[-1] == ("guardian", {"action": action, "name": "Mum"})
    out, _ = asked(qalqan, config, heard, "guardian", "list")
    assert out == "Mum\n"


def test_a_helper_is_added_with_minutes_and_listed_as_one(qalqan: Qalqan, config: Path) -> None:
    people = [
        {"name": "Oma", "role": "helper", "minutes": 45},
        {"name": "ISP", "role": "support", "minutes": 0},
    ]
    heard = Heard(
        guardian={"guardian": "Oma", "token": "K7QD", "guardians": ["ISP", "Oma"], "people": people}
    )
    words = ("guardian", "add", "Oma", "--role", "helper", "--minutes", "45")
    _, requests = asked(qalqan, config, heard, *words)
    assert requests == [("guardian", {"action": "add", "name": "Oma", "role": "helper", "minutes": 45})]
    out, _ = asked(qalqan, config, heard, "guardian", "list")
    assert out == "ISP  support\nOma  helper, up to 45 min per day and child\n"
    out, _ = asked(qalqan, config, heard, "guardian", "remove", "Oma")
    assert out == "The account of Oma is removed\n"


def test_an_unclaimed_gateway_says_its_label_and_where_it_is_entered(qalqan: Qalqan, config: Path) -> None:
    heard = Heard(guardian={"guardians": [], "label": "K7QM-3XPR", "seconds": 120})
    out, _ = asked(qalqan, config, heard, "guardian", "list")
    assert "label code K7QM-3XPR becomes one: http://qalqan.home.arpa/claim" in out
    out, requests = asked(qalqan, config, heard, "button")
    assert requests[-1] == ("guardian", {"action": "button"})
    assert "120 seconds" in out


# ---------------------------------------------------------------- status, why


def status(*children: Json, **values: object) -> dict[str, Any]:
    """Return the answer of a daemon with these children."""
    found = {**HOME, "profiles": [CHILD | child for child in children], **values}
    return cast("dict[str, Any]", to_json(found))


STATUS = status(
    {"name": "Aruzhan", "sentence": "Open until bedtime at 20:45.", "devices": [{"online": True}, {}]},
    version="0.1.0",
    uptime=3720,
    now=TONIGHT,
    mode="off",
    off_until=TONIGHT,
    backend="nft queue",
    offload="hardware",
    queue={"8200": {"packets": 10, "waiting": 1, "dropped": 2}, "8201": {"packets": 5, "dropped": 1}},
    flows={"live": 3, "tls_flows": 4, "tls_packets": 5, "http_flows": 2, "http_packets": 12, "quic_flows": 0},
    rates={"judged": 33_000, "tcp": 4000},
    verdicts={"allow:open": 7, "block:category": 3, "allow:help": 1},
    table={"names": 1971, "bytes": 1 << 21, "built": "2026-11-24T06:00:00Z"},
    memory={"resident": 40 << 20, "private": 20 << 20},
    problems=["son.yaml:2: band: no such band; use 13-15"],
)


def test_status_in_words_and_as_it_is(qalqan: Qalqan, config: Path) -> None:
    out, _ = asked(qalqan, config, Heard(status=STATUS), "status")
    assert "0.1.0, up 1 h 2 min" in out
    assert "15 packets, 1 waiting, 3 dropped" in out
    assert "flow table   in hardware\n" in out
    assert "4 TLS (1.2 packets each), 2 plain HTTP (6.0 packets each)\n" in out
    assert "this machine judges 33,000 packets a second, at most 4,000 of one device" in out
    assert "8 allow, 3 block" in out
    assert "1971 names, 2.0 MB" in out
    assert "medium, which fits the memory; change it with lists: {tier: …} in qalqan.yaml" in out
    assert "40 MB, 20 MB of them private" in out
    assert "Aruzhan  1 of 2 devices here  Open until bedtime at 20:45." in out
    assert "problem: son.yaml:2" in out
    out, _ = asked(qalqan, config, Heard(status=STATUS), "status", "--json")
    assert json.loads(out) == to_json(STATUS_VERB.decode_response(STATUS))


@pytest.mark.parametrize(
    ("lists", "expected"),
    [
        ({"warning": ""}, []),
        (
            {"warning": "none", "running": True},
            [
                "problem: lists: none was fetched yet, so most sites of blocked categories are open; "
                "an update is running"
            ],
        ),
        (
            {"warning": "none", "running": True, "percent": 42},
            [
                "problem: lists: none was fetched yet, so most sites of blocked categories are open; "
                "an update is running (42 %)"
            ],
        ),
        (
            {"warning": "none", "interval": "off"},
            [
                "problem: lists: none was fetched yet, so most sites of blocked categories are open; "
                "automatic updates are off; run: qalqan lists update"
            ],
        ),
        (
            {"warning": "old", "newest": "2024-11-10T03:00+05:00", "next": "2024-11-25T03:12+05:00"},
            [
                "problem: lists: the newest was fetched 10 Nov 2024 03:00; the next update is "
                "25 Nov 2024 03:12; to try now, run: qalqan lists update"
            ],
        ),
        (
            {"warning": "old", "newest": "2024-11-10T03:00+05:00", "next": None},
            ["problem: lists: the newest was fetched 10 Nov 2024 03:00; run: qalqan lists update"],
        ),
    ],
)
def test_status_says_that_lists_are_missing_or_old(
    qalqan: Qalqan, config: Path, lists: dict[str, object], expected: list[str]
) -> None:
    out, _ = asked(qalqan, config, Heard(status=status(problems=[], lists=PLAN | lists)), "status")
    assert [line for line in out.splitlines() if line.startswith("problem: ")] == expected


def test_status_of_an_older_daemon_that_says_less(qalqan: Qalqan, config: Path) -> None:
    out, _ = asked(qalqan, config, Heard(status={"version": "0.0.9"}), "status")
    assert out.startswith("version")


ANSWER: dict[str, Any] = {
    "host": "youtube.com",
    "at": "2026-11-24T18:00:00+05:00",
    "verdict": "block",
    "reason": "paused",
    "rule": "pause",
    "owner": "family",
    "until": TONIGHT,
    "passed": [],
    "minutes_left": None,
    "next_change": None,
    "sentence": "The internet is paused.",
    "decided": None,
    "speaks": None,
    "to": None,
    "problems": [],
    "services": None,
    "sign": None,
    "site": "youtube.com",
}


def test_a_running_daemon_answers_why(qalqan: Qalqan, config: Path) -> None:
    heard = Heard(why=ANSWER)
    out, requests = asked(qalqan, config, heard, "why", "YouTube.com.", "--profile", "Aruzhan")
    assert requests == [("why", {"host": "youtube.com", "at": None, "profile": "Aruzhan"})]
    assert "The internet is paused." in out
    assert "files alone" not in out
    out, requests = asked(
        qalqan, config, heard, "why", "youtube.com", "--device", "02-00-00-00-00-0A", "--json"
    )
    assert requests[-1][1]["device"] == "02:00:00:00:00:0a"
    assert json.loads(out) == ANSWER
    flow = ("--to", "192.0.2.7:51820", "--speaks", "wireguard")
    _, requests = asked(qalqan, config, heard, "why", "--profile", "Aruzhan", *flow)
    about = {"host": None, "at": None, "to": flow[1], "speaks": flow[3], "profile": "Aruzhan"}
    assert requests[-1] == ("why", about)


def test_what_the_daemon_cannot_answer_the_files_do(qalqan: Qalqan, config: Path) -> None:
    with running(config.parent / "control.sock", Heard(why="there is no such profile").verbs()):
        done = qalqan("why", "example.com", "--profile", "daugter", "--config", config)
    assert "did you mean 'daughter'?" in done.refusal


def test_a_new_table_is_reported_to_the_daemon(qalqan: Qalqan, config: Path) -> None:
    heard = Heard(reload={"profiles": [], "problems": []})
    _, requests = asked(qalqan, config, heard, "lists", "build")
    assert requests == [("reload", {})]


# ---------------------------------------------------------------- extra time, requests, codes, the ledger


@pytest.mark.parametrize(
    ("words", "sent"),
    [
        (("grant", "Son", "15m"), ("grant", {"who": "Son", "minutes": 15, "by": "console"})),
        (
            ("grant", "all", "1h", "--service", "youtube"),
            ("grant", {"who": "all", "minutes": 60, "by": "console", "service": "youtube"}),
        ),
        (("grant", "Son", "--undo"), ("revoke", {"who": "Son", "by": "console"})),
        (
            ("request", "answer", "7", "once", "--minutes", "20", "--because", "well done"),
            ("answer", {"id": 7, "answer": "once", "by": "console", "minutes": 20, "because": "well done"}),
        ),
        (
            ("request", "answer", "7", "once", "--minutes", "1h"),
            ("answer", {"id": 7, "answer": "once", "by": "console", "minutes": 60}),
        ),
        (
            ("request", "answer", "7", "always"),
            ("answer", {"id": 7, "answer": "always", "by": "console", "confirmed": True}),
        ),
    ],
)
def test_answers_send_what_is_meant(
    qalqan: Qalqan, config: Path, words: tuple[str, ...], sent: tuple[str, dict[str, Any]]
) -> None:
    said = {"sentence": "Son\x1b has 15 more minutes, until 21:00."}
    heard = Heard(**{sent[0]: said | ({"request": {"id": 7}} if sent[0] == "answer" else {})})
    out, requests = asked(qalqan, config, heard, *words)
    assert requests == [sent]
    assert out in (
        "Son? has 15 more minutes, until 21:00.\n",
        "The last extra time of Son is revoked\n",
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("grant", "Son"), "write: qalqan grant WHO 15m"),
        (("grant", "Son", "15m", "--undo"), "write: qalqan grant WHO --undo"),
        (("grant", "Son", "a while"), "grant: 'a while' is not a duration"),
        (("request", "answer", "x", "no"), "see: qalqan request list"),
        (("request", "answer", "1", "once", "--minutes", "x"), "--minutes: 'x' is not a duration"),
        (("ticket", "Son", "30m", "--count", "x"), "--count: 'x' is not a number"),
        (
            ("ticket", "Son", "30m", "--count", "9" * 5000),
            "is not a number of at most 9 digits; write it like --count 10",
        ),
        (("request", "answer", "9" * 5000, "no"), "see: qalqan request list"),
        (("request", "answer", "1", "once", "--minutes", "9" * 5000), "--minutes: '9999"),
        (("why", "example.org", "--profile", "daughter", "--at", ""), "--at: '' is not a time"),
        (("ticket", "Son"), "write: qalqan ticket WHO 30m"),
        (("ticket", "Son", "30m", "--list"), "write: qalqan ticket --list"),
    ],
)
def test_what_is_no_answer(qalqan: Qalqan, config: Path, words: tuple[str, ...], said: str) -> None:
    assert said in qalqan(*words, "--config", config).refusal


def test_requests_are_listed(qalqan: Qalqan, config: Path) -> None:
    one = {
        "id": 7, "name": "Aruzhan", "thing_name": "Reddit", "minutes": None, "at": TONIGHT,
        "state": "pending", "answer": None, "by": None, "reason": "for\x07 school", "topic": "site",
        "told": "all",
    }  # fmt: skip
    time = {
        **one,
        "id": 6,
        "topic": "time",
        "thing_name": None,
        "minutes": 15,
        "state": "auto",
        "answer": "once",
    }
    out, sent = asked(qalqan, config, Heard(requests={"requests": [one, time]}), "request", "list")
    assert sent == [("requests", {"pending": True})]
    first, second = out.splitlines()[1:]
    assert first.split()[:3] == ["7", "Aruzhan", "Reddit"]
    assert first.endswith("pending         for? school")
    assert "15 min" in second
    assert "once by itself" in second
    out, sent = asked(qalqan, config, Heard(requests={"requests": []}), "request", "list", "--all")
    assert (out, sent) == ("No request waits for an answer.\n", [("requests", {})])


def test_codes_are_printed_once(qalqan: Qalqan, config: Path) -> None:
    answer = {"codes": ["K7QM-3XPR", "K7QM-3XPS"], "minutes": 30, "until": TONIGHT}
    out, sent = asked(qalqan, config, Heard(ticket=answer), "ticket", "all", "30m", "--count", "2")
    assert sent == [("ticket", {"who": "all", "minutes": 30, "count": 2, "by": "console"})]
    assert out.splitlines()[:2] == answer["codes"]
    assert "30 minutes each, valid once until" in out


def test_unused_codes_are_listed_and_withdrawn(qalqan: Qalqan, config: Path) -> None:
    batch = {
        "id": "1f2e3d4c", "count": 5, "minutes": 30, "who": "daughter", "name": "Aruzhan\x1b",
        "made": TONIGHT, "until": TONIGHT, "by": "Mum",
    }  # fmt: skip
    shared = {**batch, "id": "5b6a7988", "who": None, "name": None}
    out, sent = asked(qalqan, config, Heard(tickets={"batches": [batch, shared]}), "ticket", "--list")
    assert sent == [("tickets", {})]
    assert out.splitlines()[1].split()[:4] == ["1f2e3d4c", "5", "30", "Aruzhan?"]
    assert "any child" in out
    out, _ = asked(qalqan, config, Heard(tickets={"batches": []}), "ticket", "--list")
    assert out == "There are no unused codes.\n"
    out, sent = asked(qalqan, config, Heard(withdraw={"count": 5}), "ticket", "--withdraw", "1f2e3d4c")
    assert sent == [("withdraw", {"batch": "1f2e3d4c", "by": "console"})]
    assert out == "Withdrawn codes: 5\n"


def test_the_ledger_is_shown(qalqan: Qalqan, config: Path) -> None:
    row = {
        "at": "2026-11-24T15:58:00+05:00", "device": "02:00:00:00:00:0a", "gate": "play", "name": "Play",
        "bytes": 900000, "service": "YouTube", "why": "moved",
    }  # fmt: skip
    used = {"name": "Play", "minutes": 30, "limit": 90, "bonus": 15}
    answer = {"name": "Aruzhan", "day": "2026-11-24", "used": [used], "minutes": [row], "left_off": 0}
    out, sent = asked(qalqan, config, Heard(ledger=answer), "ledger", "Aruzhan", "--day", "2026-11-24")
    assert sent == [("ledger", {"who": "Aruzhan", "day": "2026-11-24"})]
    assert "30 of 90 minutes and 15 more" in out
    assert out.splitlines()[-1].split() == ["15:58", row["device"], "Play", "YouTube", "900000", "moved"]
    week = {"minutes": 300, "limit": 600, "bonus": 0}
    weekly = {**answer, "used": [{**used, "limit": None, "week": week}]}
    out, _ = asked(qalqan, config, Heard(ledger=weekly), "ledger", "Aruzhan")
    assert "300 of 600 minutes this week" in out
    empty = {**answer, "used": [], "minutes": []}
    out, _ = asked(qalqan, config, Heard(ledger=empty), "ledger", "Aruzhan")
    assert "No minute was counted." in out


@pytest.mark.parametrize(
    ("reload", "old"),
    [
        (feed._reload_daemon, "data"),
        (sealed._reload_daemon, "lists"),
        (partial(list_updates._reload_daemon, quiet=True), "table"),
    ],
)
def test_a_refused_reload_ends_with_the_daemon_s_sentence(
    reload: Callable[[Config], None], old: str, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with running(config.parent / "control.sock", Heard(reload=Code.BUSY.sentence).verbs()):
        reload(read_config(config))
    assert capsys.readouterr().err == f"qalqan: the daemon still uses the old {old}: {Code.BUSY.sentence}\n"
