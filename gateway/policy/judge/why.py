"""Answers `qalqan why`: the decision about one host or connection, the time left, and the next change."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from gateway.core.errors import PolicyError
from gateway.policy.judge.decide import Judge
from gateway.policy.names import hosts
from gateway.policy.names.networks import address
from gateway.policy.time.time_rules import PLAIN, Left, Situation
from gateway.policy.values import TEMPORARY_REASONS, Decision, Observation, Proto, Reason
from gateway.policy.yaml.fields import shown, suggestion

FIRST_YEAR, LAST_YEAR = 1970, 2200  # outside this range, clocks and time zones give no useful answer
QTYPE_A = 1  # RFC 1035 3.2.2
HTTPS = 443  # the default port
NAMING = (Proto.DNS, Proto.TLS, Proto.QUIC, Proto.HTTP)  # protocols that name a host
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
LOOK_AHEAD = timedelta(days=8)  # range of the search for the next change: includes each weekday


class WhyAnswer(NamedTuple):
    """The answer of `qalqan why`: the decision at one moment, the time left, and the next change."""

    decision: Decision
    # Time until it is blocked, 0 minutes if a time rule, a pause or quarantine blocks it. None: no time rule
    # closes it, or another rule blocks it.
    left: Left | None
    change: (
        tuple[datetime, Decision] | None
    )  # the next time at which a gate opens or closes, and the decision then


def parse_moment(text: str, zone: ZoneInfo) -> datetime:
    """Return an ISO 8601 time as an aware datetime, in ``zone`` if it has no offset.

    Raises:
        PolicyError: the text is no time, or its year is outside FIRST_YEAR to LAST_YEAR.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or not FIRST_YEAR <= moment.year <= LAST_YEAR:
        where, fix = "--at", "write it like 2026-12-24T18:00"
        raise PolicyError(where, f"{shown(text)} is not a time", fix) from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)


def parse_host(text: str) -> str:
    """Return a typed host name in normal form. Raises PolicyError if it is no host name."""
    try:
        return hosts.normalise(text)
    except hosts.HostError as error:
        raise PolicyError(shown(text), error.problem, error.fix) from None


def parse_question(host: str | None, to: str | None = None, speaks: str | None = None) -> Observation:
    """Return what `qalqan why` explains: a DNS query for a host, or a connection ``to`` ``ADDRESS[:PORT]``.

    ``speaks``: the protocol of the connection; by default TLS with a host, else TCP. Without a port: the
    usual one of the protocol, else 443.

    Raises:
        PolicyError: an argument is missing, invalid, or contradicts another.
    """
    if to is None and speaks is None:
        if host is None:
            where, fix = "HOST", "name a host, or an address with --to"
            raise PolicyError(where, "is missing", fix)
        return question(parse_host(host))
    name = None if host is None else parse_host(host)
    proto = (Proto.TLS if name else Proto.TCP) if speaks is None else _proto(speaks)
    if name is not None and proto not in NAMING:
        where, fix = "--speaks", "leave the host out, and write the address with --to"
        raise PolicyError(where, f"a connection that speaks {proto} names no host", fix)
    address, port = (b"", 0) if to is None else _endpoint(to)
    qtype = QTYPE_A if proto is Proto.DNS else 0
    return Observation(proto, name, address, port or PORTS.get(proto, HTTPS), qtype)


def question(host: str) -> Observation:
    """Return the observation of a DNS query (type A) for ``host``, which must be normalised."""
    return Observation(Proto.DNS, host, qtype=QTYPE_A)


def _proto(text: str) -> Proto:
    word = text.strip().lower()
    if word not in [proto.value for proto in Proto]:
        where = "--speaks"
        raise PolicyError(where, f"{shown(text)} is no protocol known here", suggestion(word, list(Proto)))
    return Proto(word)


def _endpoint(text: str) -> tuple[bytes, int]:
    """Return the packed address and the port of ``192.0.2.7:443`` or ``[2001:db8::7]:443``.

    Port 0: none given, as in ``192.0.2.7`` or ``2001:db8::7``. Raises PolicyError for other text.
    """
    alone = address(text)
    if alone is not None:
        return alone, 0
    host, colon, port = text.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    packed = address(host[1:-1] if bracketed else host)
    digits = port if port.isascii() and port.isdigit() and len(port) < 6 else "0"
    if not colon or packed is None or bracketed != (len(packed) == 16) or not 0 < int(digits) < 1 << 16:
        where, fix = "--to", "write it like 192.0.2.7:443 or [2001:db8::7]:443"
        raise PolicyError(where, f"{shown(text)} is no address with a port", fix) from None
    return packed, int(digits)


def why(judge: Judge, seen: Observation, at: datetime, situation: Situation = PLAIN) -> WhyAnswer:
    """Return the decision about a query or connection at ``at``, the time left, and the next change.

    The decision has the rules that were checked along with the deciding one. On a device that is redirected
    to the page, the allowed query of a name that devices need is explained as its HTTP request.
    """
    decision = judge.decide(seen, situation, at, explain=True)
    if situation.led and seen.proto is Proto.DNS and decision.reason is Reason.DEVICE_NEEDS:
        seen = seen._replace(
            proto=Proto.HTTP
        )  # a probe's name is answered in any case; the connection shows the difference
        decision = judge.decide(seen, situation, at, explain=True)
    left = None
    if decision.allowed:
        left = judge.left(decision.gates, situation, at)
    elif decision.reason in TEMPORARY_REASONS:
        left = Left(0, "", None)
    return WhyAnswer(decision, left, _next_change(judge, seen, situation, at, decision))


def _next_change(
    judge: Judge, seen: Observation, situation: Situation, at: datetime, decision: Decision
) -> tuple[datetime, Decision] | None:
    """Return when ``seen`` is blocked or opens next, and the decision then; None if not within LOOK_AHEAD.

    None also if a rule blocks it that no time lifts.
    """
    last = at + LOOK_AHEAD
    then = decision
    while then.allowed is decision.allowed:
        if not then.allowed and then.reason not in TEMPORARY_REASONS:  # no time of day opens it
            return None
        at = judge.standing(situation, at).until
        if at > last:
            return None
        then = judge.decide(seen, situation, at)
    return at, then
