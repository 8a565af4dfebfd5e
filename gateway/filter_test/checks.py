"""The definition of a check, the state that it is judged by, and its result. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

BOTH = (4, 6)


class Want(StrEnum):
    """What must have happened for a check's bypass method, or required connection, to count as working."""

    REACHED = "reached"  # its bytes reached the simulated internet, which answered
    ADDRESS = "address"  # a resolver returned an address
    OURS = "ours"  # a resolver returned the gateway's address
    RECORDS = "records"  # a resolver returned any record
    ECH = "ech"  # a response contains a key for Encrypted Client Hello
    WAYS = "ways"  # a response names an encrypted resolver
    UNSAFE = "unsafe"  # the ordinary address of a search engine, not that of its safe search
    TAKEN = "taken"  # a port accepts a connection
    SHOWN = "shown"  # a page is shown
    ANSWERED = "answered"  # there is any response


@dataclass(frozen=True, slots=True)
class MethodCheck:
    """The definition of a filter test's check: a bypass method to try, or a connection that must pass."""

    id: str  # `titles` has its title and group
    job: Mapping[str, object]  # for ``probes``; ``plan`` replaces words with @
    closes: str  # the setting that blocks it (docs/families/rules.md); empty: no setting allows or blocks it
    rule: str = "always"  # which rule decides whether it is blocked: see ``Scene.closes``
    want: Want = Want.REACHED
    needs: str = "tls"  # the control (`CONTROLS`) without which the result is unknown; empty: none
    passes: bool = False  # a required connection: it must pass under all rules
    versions: tuple[int, ...] = BOTH  # of IP: 4 or 6, or both


@dataclass(frozen=True, slots=True)
class Scene:
    """One child's rules and the test's network, by which the filter test's results are judged.

    ``refusals``: the bypass methods that the rules block. ``words``: what replaces ``@words`` in
    the checks.
    """

    profile: str  # an id
    name: str
    band: str
    strict: bool  # strict mode or an allow-list: only addresses of allowed names
    refusals: frozenset[str]  # ``ways:vpn``, ``safe_search``
    names: Mapping[str, bool | None] = field(default_factory=dict)  # host → whether the rules block it
    words: Mapping[str, Any] = field(default_factory=dict)  # values for ``@words``; absent: not available
    strangers_refused: bool = False  # the rules block ``@refused`` for an unknown device
    gateway_open: bool = False  # children reach all services of the gateway (``gateway_access``)
    gateway_ports: frozenset[int] = frozenset()  # of the gateway, which children always reach

    def closes(self, check: MethodCheck) -> bool | None:
        """Return whether the rules in use should block the bypass method of this check; None if unknown.

        The rules alone decide, not the result. For a check that must pass (``passes``) it has no meaning.
        """
        kind, _, what = check.rule.partition(":")
        if kind == "way":
            return f"ways:{what}" in self.refusals
        if kind == "name":
            return self.names.get(what)
        if kind == "strict":
            return self.strict
        if kind == "door":
            return not self.gateway_open
        if kind == "stranger":
            return self.strangers_refused
        return check.rule in self.refusals or kind == "always"


class CheckOutcome(StrEnum):
    """What a check over one IP version found: blocked (closed), works (open), or unknown.

    Not whether the rules intend that: `Result.meant` says so.
    """

    CLOSED = "closed"
    OPEN = "open"
    UNKNOWN = "unknown"
    ABSENT = "-"  # this IP version or method does not exist here


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a filter test's check over one IP version, and whether it agrees with the rules."""

    check: MethodCheck
    version: int  # of IP: 4 or 6
    found: CheckOutcome
    why: str = ""  # why the result is unknown
    meant: bool = True  # the result agrees with the rules
    how: str = ""  # what the device observed, such as ``answered`` or ``reset``
    reason: str = ""  # the reason of the daemon's decision; empty: it made none

    @property
    def fault(self) -> bool:
        """Whether the result contradicts the rules: what should be blocked works, or the reverse."""
        return self.found in (CheckOutcome.OPEN, CheckOutcome.CLOSED) and not self.meant
