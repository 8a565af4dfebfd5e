from __future__ import annotations

import json
from datetime import datetime, timedelta

import pytest

from gateway.errors import PolicyError
from gateway.policy.situation import Situation
from gateway.policy.why import as_json, parse_host, parse_moment, why
from tests.policy.homes import ALMATY, a_judge

JUDGE = a_judge('{band: 10-12, block: ["service:tiktok"]}')


def answer(host: str, at: str, situation: Situation | None = None) -> dict[str, object]:
    moment = parse_moment(at, ALMATY)
    decision = why(JUDGE, parse_host(host), moment, situation or Situation())
    return as_json(host, moment, decision)


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
    }
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


def test_a_pause_counts_too() -> None:
    pause = Situation(paused_until=datetime(2026, 11, 24, 13, tzinfo=ALMATY))
    assert answer("example.org", "2026-11-24T12:00", pause)["until"] == "2026-11-24T13:00:00+05:00"


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
