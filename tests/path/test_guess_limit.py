"""Trying names against what is blocked for everyone: the bound, for questions and for flows."""

from __future__ import annotations

from datetime import datetime

import dns.message
import dns.rcode

from gateway.path.addresses import AddressBook
from gateway.path.dns import DnsPath
from gateway.path.flows import FlowPath
from gateway.path.guess_limit import MAX_DEVICES, MAX_NAMES, MAX_NAMES_OF_SLOT, WINDOW, GuessLimit
from gateway.path.live_flows import LiveFlows
from gateway.path.subject import Subject
from gateway.policy.judge.decide import HELP, REFUSED_FOR_EVERYONE
from gateway.policy.values import Decision, Observation, Reason, Verdict
from gateway.wire.flows.table import FlowTable
from tests.path.asked import AT, RESOLVER

DEVICE, OTHER = bytes([192, 168, 77, 10]), bytes([192, 168, 77, 11])
OPEN = Decision(Verdict.ALLOW, Reason.OPEN, "open", "product")


def _names(count: int, of: str = "x") -> list[str]:
    return [f"{of}{one}.invalid" for one in range(count)]


def _fill(
    guesses: GuessLimit, device: bytes = DEVICE, *, count: int = MAX_NAMES, slot: int = 1, at: float = 0.0
) -> None:
    for name in _names(count):
        guesses.refused(slot, device, name, at)


def test_so_many_distinct_names_within_a_minute_and_no_more() -> None:
    guesses = GuessLimit()
    _fill(guesses, count=MAX_NAMES - 1)
    for _ in range(100):  # the same name again is no other
        guesses.refused(1, DEVICE, "x0.invalid", 1.0)
    before = guesses.full
    guesses.refused(1, DEVICE, "one-more.invalid", 2.0)
    assert (before, guesses.full) == (False, True)
    assert guesses.over(1, DEVICE, WINDOW - 0.1)
    assert not guesses.over(1, OTHER, 3.0)
    assert not guesses.over(2, DEVICE, 3.0)
    assert not guesses.over(1, DEVICE, WINDOW)
    _fill(guesses, at=WINDOW)
    assert guesses.over(1, DEVICE, WINDOW + 1)


def test_a_device_with_many_addresses_is_bounded_by_its_slot() -> None:
    guesses = GuessLimit()
    for one in range(MAX_NAMES_OF_SLOT):
        guesses.refused(1, bytes(15) + bytes([one % 100]), f"x{one}.invalid", 0.0)
    assert guesses.over(1, b"yet another", 1.0)
    assert not guesses.over(2, b"yet another", 1.0)


def test_no_more_is_kept_than_is_bounded() -> None:
    guesses = GuessLimit()
    for one in range(5000):
        guesses.refused(1, one.to_bytes(16, "big"), f"x{one}.invalid", 0.0)
    assert len(guesses._devices) == MAX_DEVICES
    assert (
        sum(len(one.names) for one in (*guesses._devices.values(), *guesses._slots.values()))
        <= MAX_DEVICES * MAX_NAMES + MAX_NAMES_OF_SLOT
    )
    assert "invalid" not in repr([(one.names, one.since) for one in guesses._devices.values()])


def test_hashes_are_removed_at_the_next_counted_query_after_the_minute() -> None:
    guesses = GuessLimit()
    guesses.refused(1, DEVICE, "x.invalid", 0.0)
    guesses.refused(2, OTHER, "x.invalid", WINDOW - 1)
    assert set(guesses._devices) == {(1, DEVICE), (2, OTHER)}
    guesses.refused(2, OTHER, "y.invalid", WINDOW)
    assert set(guesses._devices) == {(2, OTHER)}
    assert set(guesses._slots) == {2}
    assert not guesses.over(2, OTHER, 2 * WINDOW)
    assert (guesses._devices, guesses._slots) == ({}, {})


# ---------------------------------------------------------------------------------------- questions


def _rule(seen: Observation, at: datetime) -> Decision:
    host = seen.host or ""
    if host.startswith("help"):
        return HELP
    return REFUSED_FOR_EVERYONE if host.startswith(("sealed", "malware")) else OPEN


class Asking:
    def __init__(self) -> None:
        self.seen: list[str | None] = []
        self.subject = Subject(1, "daughter", _rule, lambda gates: 1)
        self.dns = DnsPath(
            pages=(),
            sentence=lambda seen, decision: "refused for everyone",
            sink=lambda subject, seen, decision, at: self.seen.append(seen.host),
            book=AddressBook(),
        )

    def __call__(self, host: str, device: bytes = DEVICE, now: float = 0.0) -> str:
        query = dns.message.make_query(host, "A", use_edns=0)
        asked = self.dns.judge_query(query.to_wire(), self.subject, (1, device, 40000), RESOLVER, now, AT)
        assert asked is not None
        if asked.reply is None:
            return "goes on"
        return dns.rcode.to_text(dns.message.from_wire(asked.reply).rcode())


def test_a_thousand_names_from_one_device_meet_the_bound() -> None:
    ask = Asking()
    # Every third one is in the set: what a dictionary would look like.
    names = [f"{'sealed' if one % 3 == 0 else 'other'}{one}.invalid" for one in range(1000)]
    answers = [ask(name) for name in names]
    assert answers.count("NXDOMAIN") == MAX_NAMES
    last = max(at for at, one in enumerate(answers) if one == "NXDOMAIN")
    assert set(answers[last + 1 :]) == {"SERVFAIL"}  # all alike: nothing is told of 900 names
    assert len(ask.seen) == last + 1  # and nothing of them reaches a log
    assert ask("sealed0.invalid") == ask("www.example.org") == "SERVFAIL"
    assert ask("help.invalid") == "goes on"
    assert ask("www.example.org", OTHER) == "goes on"
    assert ask("www.example.org", now=WINDOW) == "goes on"


def test_sealed_and_malware_have_the_same_bytes_for_an_answer() -> None:
    ask = Asking()

    def answer(host: str) -> bytes:
        query = dns.message.make_query(host, "A", use_edns=0, id=7)
        asked = ask.dns.judge_query(query.to_wire(), ask.subject, (1, DEVICE, 1), RESOLVER, 0.0, AT)
        assert asked is not None
        assert asked.reply is not None
        return asked.reply.replace(b"malware", b"sealed-")

    assert answer("malware.invalid") == answer("sealed-.invalid")


# ---------------------------------------------------------------------------------------- flows


def test_hellos_count_with_the_questions_and_are_refused_alike() -> None:
    guesses = GuessLimit()
    seen: list[str | None] = []
    path = FlowPath(
        FlowTable(),
        LiveFlows(),
        sink=lambda subject, one, decision, at: seen.append(one.host),
        refused_page=lambda one, decision: "",
        guesses=guesses,
    )
    subject = Subject(1, "daughter", _rule, lambda gates: 1)
    v4 = b"\x45" + bytes(11) + DEVICE + OTHER
    v6 = b"\x60" + bytes(7) + bytes(15) + b"\x0a" + bytes(15) + b"\x0b"

    def judged(host: str, data: bytes, *, from_lan: bool = True) -> bool:
        return path._judge(subject, AT, data, from_lan, 1.0, Observation("tls", host))  # type: ignore[arg-type]

    for name in _names(MAX_NAMES, "sealed"):
        assert not judged(name, v4)
    assert not judged("www.example.org", v4)
    assert seen[-1] == f"sealed{MAX_NAMES - 1}.invalid"
    assert judged("help.invalid", v4)
    assert judged("www.example.org", v6)
    assert guesses.over(1, DEVICE, 2.0)
    back = v4[:12] + OTHER + DEVICE
    assert not judged("www.example.org", back, from_lan=False)
