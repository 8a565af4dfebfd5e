"""`qalqan why`: one question to a judge, and the contract's JSON object of the answer."""

from __future__ import annotations

from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from gateway.core.errors import PolicyError
from gateway.policy.judge.decide import Judge
from gateway.policy.names import hosts
from gateway.policy.names.networks import address
from gateway.policy.time.remaining import Left
from gateway.policy.time.situation import PLAIN, Situation
from gateway.policy.values import Decision, Observation, Proto, Reason
from gateway.policy.yaml.documents import shown
from gateway.policy.yaml.fields import suggestion

FIRST_YEAR, LAST_YEAR = 1970, 2200  # beyond these, clocks and time zones say nothing useful
QTYPE_A = 1  # RFC 1035 3.2.2
HTTPS = 443  # where nothing else is said
NAMING = (Proto.DNS, Proto.TLS, Proto.QUIC, Proto.HTTP)  # in which a host is named
PORTS = {
    Proto.DNS: 53,
    Proto.HTTP: 80,
    Proto.SSH: 22,
    Proto.SOCKS: 1080,
    Proto.WIREGUARD: 51820,
    Proto.OPENVPN: 1194,
    Proto.IPSEC: 4500,
    Proto.L2TP: 1701,
    Proto.PPTP: 1723,
}
LOOK_AHEAD = timedelta(days=8)  # in which the next change is looked for: one of each weekday

_BY_TIME = frozenset({Reason.QUARANTINED, Reason.PAUSED, Reason.BEDTIME, Reason.WINDOW, Reason.OUT_OF_TIME})


class Answer(NamedTuple):
    """What a host meets at a moment."""

    decision: Decision
    left: Left | None  # until it is closed; None where nothing closes it, or it is not open at any time
    change: tuple[datetime, Decision] | None  # when the clock opens or closes it next, and what it meets then


def parse_moment(text: str, zone: ZoneInfo) -> datetime:
    """An ISO 8601 time as an aware datetime, in ``zone`` where it has no offset. Raises PolicyError."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or not FIRST_YEAR <= moment.year <= LAST_YEAR:
        where, mend = "--at", "write it like 2026-12-24T18:00"
        raise PolicyError(where, f"{shown(text)} is not a time", mend) from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)


def parse_host(text: str) -> str:
    """A host as somebody types it, in normal form. Raises PolicyError."""
    try:
        return hosts.normalise(text)
    except hosts.HostError as error:
        raise PolicyError(shown(text), error.problem, error.mend) from None


def parse_question(host: str | None, to: str | None = None, speaks: str | None = None) -> Observation:
    """What somebody asks about: a host, or a connection ``to`` ``ADDRESS[:PORT]`` that ``speaks`` a protocol.

    Raises PolicyError.
    """
    if to is None and speaks is None:
        if host is None:
            where, mend = "HOST", "name a host, or an address with --to"
            raise PolicyError(where, "is missing", mend)
        return question(parse_host(host))
    name = None if host is None else parse_host(host)
    proto = (Proto.TLS if name else Proto.TCP) if speaks is None else _proto(speaks)
    if name is not None and proto not in NAMING:
        where, mend = "--speaks", "leave the host out, and write the address with --to"
        raise PolicyError(where, f"a connection that speaks {proto} names no host", mend)
    address, port = (b"", 0) if to is None else _endpoint(to)
    qtype = QTYPE_A if proto is Proto.DNS else 0
    return Observation(proto, name, address, port or PORTS.get(proto, HTTPS), qtype)


def question(host: str) -> Observation:
    """A question for ``host`` (normalised)."""
    return Observation(Proto.DNS, host, qtype=QTYPE_A)


def _proto(text: str) -> Proto:
    word = text.strip().lower()
    if word not in [one.value for one in Proto]:
        where = "--speaks"
        raise PolicyError(where, f"{shown(text)} is no protocol known here", suggestion(word, list(Proto)))
    return Proto(word)


def _endpoint(text: str) -> tuple[bytes, int]:
    """``192.0.2.7``, ``192.0.2.7:443``, ``2001:db8::7`` or ``[2001:db8::7]:443``, packed; 0: no port."""
    alone = address(text)
    if alone is not None:
        return alone, 0
    host, colon, port = text.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    packed = address(host[1:-1] if bracketed else host)
    digits = port if port.isascii() and port.isdigit() and len(port) < 6 else "0"
    if not colon or packed is None or bracketed != (len(packed) == 16) or not 0 < int(digits) < 1 << 16:
        where, mend = "--to", "write it like 192.0.2.7:443 or [2001:db8::7]:443"
        raise PolicyError(where, f"{shown(text)} is no address with a port", mend) from None
    return packed, int(digits)


def why(judge: Judge, seen: Observation, at: datetime, situation: Situation = PLAIN) -> Answer:
    """What ``seen`` meets at ``at``, with the rules passed on the way."""
    decision = judge.decide(seen, situation, at, explain=True)
    if situation.led and seen.proto is Proto.DNS and decision.reason is Reason.DEVICE_NEEDS:
        seen = seen._replace(proto=Proto.HTTP)  # a probe's name is answered all the same
        decision = judge.decide(seen, situation, at, explain=True)
    left = None
    if decision.allowed:
        left = judge.left(decision.gates, situation, at)
    elif decision.reason in _BY_TIME:
        left = Left(0, "", None)
    return Answer(decision, left, _next_change(judge, seen, situation, at, decision))


def _next_change(
    judge: Judge, seen: Observation, situation: Situation, at: datetime, decision: Decision
) -> tuple[datetime, Decision] | None:
    last = at + LOOK_AHEAD
    then = decision
    while then.allowed is decision.allowed:
        if not then.allowed and then.reason not in _BY_TIME:  # no hour opens it
            return None
        at = judge.standing(situation, at).until
        if at > last:
            return None
        then = judge.decide(seen, situation, at)
    return at, then


def as_json(seen: Observation, at: datetime, answer: Answer) -> dict[str, Any]:
    """The object of `why --json`; times are told in the zone of ``at``. Of a connection it says more."""
    decision, left, change = answer
    flow = {} if seen.dport == 0 else {"speaks": str(seen.proto), "to": _told_endpoint(seen)}

    def told(moment: datetime) -> str:
        return moment.astimezone(at.tzinfo).isoformat()

    return {
        "host": seen.host,
        "at": at.isoformat(),
        "verdict": str(decision.verdict),
        "reason": str(decision.reason),
        "rule": decision.rule,
        "owner": decision.owner,
        "until": None if decision.until is None else told(decision.until),
        "passed": [{"rule": step.rule, "outcome": step.outcome} for step in decision.passed],
        "minutes_left": None if left is None else left.minutes,
        "next_change": None if change is None else _change(told(change[0]), change[1]),
    } | flow


def _told_endpoint(seen: Observation) -> str | None:
    if not seen.dst:
        return None
    text = str(ip_address(seen.dst))
    return f"[{text}]:{seen.dport}" if ":" in text else f"{text}:{seen.dport}"


def _change(at: str, then: Decision) -> dict[str, str]:
    return {"at": at, "verdict": str(then.verdict), "reason": str(then.reason)}
