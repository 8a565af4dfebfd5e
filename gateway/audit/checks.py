"""One check of an audit, and what is known of the home while it runs. Values alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

BOTH = (4, 6)


class Want(StrEnum):
    """When a way worked."""

    REACHED = "reached"  # its bytes reached the pretended internet, and that answered
    ADDRESS = "address"  # a resolver told an address
    OURS = "ours"  # a resolver told the address that the gateway has
    RECORDS = "records"  # a resolver told anything
    ECH = "ech"  # an answer has a key for hidden names in it
    WAYS = "ways"  # an answer leads to an encrypted resolver
    UNSAFE = "unsafe"  # the ordinary address of a search engine, not that of its safe search
    TAKEN = "taken"  # a port takes a connection
    SHOWN = "shown"  # a page is shown
    ANSWERED = "answered"  # there is an answer, whatever it says


@dataclass(frozen=True, slots=True)
class Check:
    """A way around, or something that has to pass."""

    id: str
    title: str  # 46 letters at most: a line of the table
    group: str
    job: Mapping[str, object]  # of ``probes``; words with @ are filled in by ``plan``
    closes: str  # the setting, in words of docs/families/rules.md; empty: no setting opens it
    rule: str = "always"  # what says whether it is to be closed: see ``Scene.closes``
    want: Want = Want.REACHED
    needs: str = "tls"  # the control without which nothing can be told
    passes: bool = False  # it has to pass instead
    versions: tuple[int, ...] = BOTH


@dataclass(frozen=True, slots=True)
class Scene:
    """What the checks are held against."""

    profile: str  # an id
    name: str
    band: str
    strict: bool  # or an allow-list: only addresses that an allowed name gave
    refusals: frozenset[str]  # ``ways:vpn``, ``safe_search``
    names: Mapping[str, bool | None] = field(default_factory=dict)  # hosts → whether the rules refuse them
    words: Mapping[str, Any] = field(default_factory=dict)  # what fills ``@words`` of jobs; absent: not here
    strangers_refused: bool = False  # the same site, of a device that nobody named
    gateway_open: bool = False
    gateway_ports: frozenset[int] = frozenset()

    def closes(self, check: Check) -> bool | None:
        """Whether the family's rules say that it is closed; None where nobody can say."""
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


class Found(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    UNKNOWN = "cannot be told"
    ABSENT = "-"  # no such family here, or nothing of the kind


@dataclass(frozen=True, slots=True)
class Result:
    """One check over one family of addresses."""

    check: Check
    version: int
    found: Found
    why: str = ""  # of what cannot be told
    meant: bool = True  # it is so by the rules; False: a hole, or a lack
    how: str = ""  # what the device saw
    reason: str = ""  # the daemon's word for its decision

    @property
    def fault(self) -> bool:
        return self.found in (Found.OPEN, Found.CLOSED) and not self.meant
