from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from time import process_time

import pytest

from gateway.control.protocol import encode
from gateway.control.schema import values_of
from gateway.core.errors import PolicyError
from gateway.features.rules.explanation import explanation
from gateway.policy.judge.explanation import Names
from gateway.policy.judge.why import WhyAnswer, parse_host, parse_moment, parse_question, why
from gateway.policy.time.time_rules import Situation
from gateway.policy.values import ExplanationStep, Observation, Reason
from tests.policy.homes import ALMATY, a_judge

JUDGE = a_judge('{band: 10-12, block: ["service:tiktok"]}')


def sent(seen: Observation, moment: datetime, answer: WhyAnswer) -> dict[str, object]:
    """Return the JSON object without the parts that other modules write."""
    found: dict[str, object] = json.loads(encode(values_of(explanation(seen, moment, answer, Names(), None))))
    return {key: value for key, value in found.items() if key not in ("sentence", "decided", "problems")}


def answer(host: str, at: str, situation: Situation | None = None) -> dict[str, object]:
    moment = parse_moment(at, ALMATY)
    seen = parse_question(host)
    return sent(seen, moment, why(JUDGE, seen, moment, situation or Situation()))


def test_the_object_of_the_contract() -> None:
    found = answer("tiktok.com", "2026-11-24T12:00")
    passed = found.pop("passed")
    assert found == {
        "host": "tiktok.com",
        "at": "2026-11-24T12:00:00+05:00",
        "verdict": "block",
        "reason": "family_block",
        "rule": "block: service:tiktok",
        "owner": "family",
        "until": None,
        "minutes_left": None,
        "next_change": None,
    }
    assert list(answer("tiktok.com", "2026-11-24T12:00"))[7] == "passed"
    assert isinstance(passed, list)
    assert passed[0] == {"rule": "help", "outcome": "no match"}
    assert json.loads(json.dumps(found)) == found


@pytest.mark.parametrize(
    ("host", "at", "verdict", "reason", "until"),
    [
        ("tiktok.com", "2026-11-24T23:00", "block", "bedtime", "2026-11-25T07:00:00+05:00"),
        ("example.org", "2026-11-24T12:00", "allow", "open", "2026-11-24T20:45:00+05:00"),
        ("www.google.com", "2026-11-24T12:00", "rewrite", "safe_search", "2026-11-24T20:45:00+05:00"),
        ("porn.example", "2026-11-24T12:00+00:00", "block", "category", None),
        ("example.org", "2026-11-24T16:00:00Z", "block", "bedtime", "2026-11-25T02:00:00+00:00"),
    ],
)
def test_verdicts(host: str, at: str, verdict: str, reason: str, until: str | None) -> None:
    found = answer(host, at)
    assert (found["verdict"], found["reason"], found["until"]) == (verdict, reason, until)


@pytest.mark.parametrize(
    ("host", "portal", "verdict"),
    [
        ("captive.apple.com", False, "allow"),
        ("captive.apple.com", True, "block"),
        ("time.apple.com", True, "allow"),
    ],
)
def test_the_portal_is_about_more_than_names(host: str, portal: bool, verdict: str) -> None:
    assert answer(host, "2026-11-24T23:00", Situation(portal=portal))["verdict"] == verdict


def test_a_pause_counts_too() -> None:
    pause = Situation(paused_until=datetime(2026, 11, 24, 13, tzinfo=ALMATY))
    assert answer("example.org", "2026-11-24T12:00", pause)["until"] == "2026-11-24T13:00:00+05:00"


@pytest.mark.parametrize(
    ("host", "at", "minutes", "change"),
    [
        ("example.org", "2026-11-24T12:00", 525, ("2026-11-24T20:45:00+05:00", "block", "bedtime")),
        ("example.org", "2026-11-24T23:00", 0, ("2026-11-25T07:00:00+05:00", "allow", "open")),
        ("www.roblox.com", "2026-11-24T12:00", 120, ("2026-11-24T20:45:00+05:00", "block", "bedtime")),
        ("www.google.com", "2026-11-24T23:00", 0, ("2026-11-25T07:00:00+05:00", "rewrite", "safe_search")),
        ("tiktok.com", "2026-11-24T23:00", 0, None),  # no morning opens it
        ("tiktok.com", "2026-11-24T12:00", None, None),
        ("childline.org.uk", "2026-11-24T23:00", None, None),
        ("virus.example", "2026-11-24T23:00", None, None),
    ],
)
def test_minutes_left_and_the_next_change(
    host: str, at: str, minutes: int | None, change: tuple[str, str, str] | None
) -> None:
    found = answer(host, at)
    assert found["minutes_left"] == minutes
    expected = None if change is None else dict(zip(("at", "verdict", "reason"), change, strict=True))
    assert found["next_change"] == expected


def test_minutes_used_count_on_their_day() -> None:
    used = Situation(day=date(2026, 11, 24), used={"play": 100})
    assert answer("www.roblox.com", "2026-11-24T12:00", used)["minutes_left"] == 20
    assert answer("www.roblox.com", "2026-11-25T12:00", used)["minutes_left"] == 120
    spent = Situation(day=date(2026, 11, 24), used={"play": 120})
    found = answer("www.roblox.com", "2026-11-24T12:00", spent)
    assert (found["reason"], found["minutes_left"], found["until"]) == (
        "out_of_time",
        0,
        "2026-11-25T07:00:00+05:00",
    )
    assert found["next_change"] == {"at": found["until"], "verdict": "allow", "reason": "open"}


def test_an_opening_ends() -> None:
    opened = Situation(allowed=(("tiktok.com", datetime(2026, 11, 24, 13, tzinfo=ALMATY)),))
    found = answer("tiktok.com", "2026-11-24T12:00", opened)
    assert (found["verdict"], found["until"]) == ("allow", "2026-11-24T13:00:00+05:00")
    assert found["next_change"] == {"at": found["until"], "verdict": "block", "reason": "family_block"}


def test_an_answer_is_no_work_for_a_second() -> None:
    """A daemon that answers filters nothing meanwhile."""
    began = process_time()
    answer("tiktok.com", "2026-11-24T23:00")
    answer("childline.org.uk", "2026-11-24T23:00")
    assert process_time() - began < 0.5


@pytest.mark.parametrize(
    "text", ["tomorrow", "", "18:00", "0001-01-01T00:00", "9999-12-31T23:59", "2026-13-01T00:00"]
)
def test_what_is_no_moment(text: str) -> None:
    with pytest.raises(PolicyError, match=r"--at: .* is not a time; write it like 2026-12-24T18:00"):
        parse_moment(text, ALMATY)


def test_a_moment_without_an_offset_is_local() -> None:
    assert parse_moment("2026-12-24T18:00", ALMATY).utcoffset() == timedelta(hours=5)
    assert parse_moment("2026-12-24", ALMATY).hour == 0


def test_what_is_no_host() -> None:
    with pytest.raises(PolicyError, match=r"'192\.0\.2\.1': is an address, not a name"):
        parse_host("192.0.2.1")
    assert parse_host("TikTok.COM.") == "tiktok.com"


# Connections.


def of_flow(host: str | None, to: str | None, speaks: str | None) -> dict[str, object]:
    seen, moment = parse_question(host, to, speaks), parse_moment("2026-11-24T12:00", ALMATY)
    return sent(seen, moment, why(JUDGE, seen, moment))


@pytest.mark.parametrize(
    ("host", "to", "speaks", "verdict", "told_to"),
    [
        (None, "192.0.2.7:51820", "wireguard", "block vpn", "192.0.2.7:51820"),
        (None, "[2001:db8::7]:1194", "OpenVPN", "block vpn", "[2001:db8::7]:1194"),
        (None, "2001:db8::7", "ssh", "block ssh", "[2001:db8::7]:22"),
        (None, "192.0.2.7:853", None, "block encrypted_dns", "192.0.2.7:853"),
        (None, "192.0.2.7", None, "allow open", "192.0.2.7:443"),
        ("example.org", "192.0.2.7", None, "allow open", "192.0.2.7:443"),
        ("example.org", "9.9.9.9", None, "block encrypted_dns", "9.9.9.9:443"),
        ("tiktok.com", "192.0.2.7", "quic", "block family_block", "192.0.2.7:443"),
        ("mask.icloud.com", None, "quic", "block relay", None),
        ("example.org", "192.0.2.7:54", "dns", "block encrypted_dns", "192.0.2.7:54"),
    ],
)
def test_what_a_connection_meets(
    host: str | None, to: str | None, speaks: str | None, verdict: str, told_to: str | None
) -> None:
    found = of_flow(host, to, speaks)
    assert f"{found['verdict']} {found['reason']}" == verdict
    assert (found["host"], found["to"]) == (host, told_to)
    assert found["speaks"] == (speaks or ("tls" if host else "tcp")).lower()


def test_the_ways_are_among_what_was_passed() -> None:
    judge = a_judge("{band: 10-12, ways: {vpn: allow}, strict: true}")
    seen, moment = (
        parse_question(None, "192.0.2.7:51820", "wireguard"),
        parse_moment("2026-11-24T12:00", ALMATY),
    )
    decision = why(judge, seen, moment).decision
    assert decision.reason is Reason.NO_NAME
    assert ExplanationStep("ways: vpn = allow", "speaks wireguard") in decision.passed
    refused = why(JUDGE, seen, moment).decision
    assert refused.rule == "band 10-12: ways: vpn = block"
    assert refused.passed[-1].rule != refused.rule


@pytest.mark.parametrize(
    ("host", "to", "speaks", "said"),
    [
        (None, None, None, "HOST: is missing; name a host, or an address with --to"),
        ("x.kz", "192.0.2.7", "wireguard", "--speaks: a connection that speaks wireguard names no host"),
        (
            None,
            "192.0.2.7",
            "wiregaurd",
            "--speaks: 'wiregaurd' is no protocol known here; did you mean 'wireguard'",
        ),
        (None, "192.0.2.7:0", None, "--to: '192.0.2.7:0' is no address with a port; write it like"),
        (None, "192.0.2.7:66000", None, "--to: "),
        (None, "192.0.2.7:٤٤", None, "--to: "),
        (None, "[192.0.2.7]:44", None, "--to: "),
        (None, "example.org:443", None, "--to: "),
        (None, "fe80::1%eth0", None, "--to: "),
        ("bad host", "192.0.2.7", None, "bad host"),
    ],
)
def test_what_is_no_question(host: str | None, to: str | None, speaks: str | None, said: str) -> None:
    with pytest.raises(PolicyError) as refused:
        parse_question(host, to, speaks)
    assert said in str(refused.value)
