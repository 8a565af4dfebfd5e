"""A state's register of sites that shall be closed: `registers:` in qalqan.yaml → Register. None ships.

registers:
  kz: {url: "https://register.example/names.txt", on: true, by: Mum, since: 2026-11-24}
  ru: {file: /var/lib/isp/register.txt}     # named and off: neither fetched nor in force

Such registers mix subjects. So each is a key of its own, ``law:<country>``, which no list of another kind
feeds and which feeds no other; who turned it on and on which day is a part of what is decided by it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from gateway.policy.sealed.source import SealedSource
from gateway.policy.time import time_text as timetext
from gateway.policy.values import Decision, Reason, Verdict
from gateway.policy.yaml import fields
from gateway.policy.yaml.documents import Node, shown

LAW = "law:"
MAX_REGISTERS = 4  # a home is in one country; an internet provider may offer a neighbour's too
MAX_BYTES = 64 << 20  # of one: two million lines
CONSOLE = "console"  # of the gateway, where root turned it on
MAX_WHO = 60  # characters of who turned it on, as of a person's name
NO_REGISTERS: Mapping[str, Register] = {}

_KEYS = ("url", "file", "on", "by", "since")
_COUNTRY = re.compile(r"[a-z]{2}", re.ASCII)

# In English; the pages have them in their languages. Of others the code is told.
COUNTRY_NAMES: Mapping[str, str] = {
    "at": "Austria", "au": "Australia", "be": "Belgium", "bg": "Bulgaria", "cy": "Cyprus", "cz": "Czechia",
    "de": "Germany", "dk": "Denmark", "ee": "Estonia", "es": "Spain", "fi": "Finland", "fr": "France",
    "gb": "United Kingdom", "gr": "Greece", "hr": "Croatia", "hu": "Hungary", "ie": "Ireland", "it": "Italy",
    "kz": "Kazakhstan", "lt": "Lithuania", "lu": "Luxembourg", "lv": "Latvia", "mt": "Malta",
    "nl": "Netherlands", "pl": "Poland", "pt": "Portugal", "ro": "Romania", "ru": "Russia", "se": "Sweden",
    "si": "Slovenia", "sk": "Slovakia", "us": "United States",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Register:
    """``url`` or ``file``, never both; the other is empty."""

    country: str
    url: str
    file: str
    on: bool = False
    by: str = ""  # who turned it on; empty: a hand did
    since: date | None = None  # by the home's calendar

    @property
    def category(self) -> str:
        """What its names are in the table."""
        return f"{LAW}{self.country}"

    @property
    def source(self) -> str:
        """The id of its copy."""
        return f"law-{self.country}"

    @property
    def owner(self) -> str:
        """With who turned it on, where that is somebody."""
        return f"{self.category}:{self.by}" if self.by not in ("", CONSOLE) else self.category

    @property
    def rule(self) -> str:
        """As a Decision names it."""
        return self.category if self.since is None else f"{self.category} since {self.since.isoformat()}"

    @property
    def refusal(self) -> Decision:
        return Decision(Verdict.BLOCK, Reason.REGISTER, self.rule, self.owner)

    @property
    def name(self) -> str:
        return title(self.category)

    def written(self) -> dict[str, str | bool]:
        """As qalqan.yaml has it."""
        said: dict[str, str | bool] = {"url": self.url} if self.url else {"file": self.file}
        if self.on:
            said["on"] = True
            said |= {"by": self.by} if self.by else {}
            said |= {"since": self.since.isoformat()} if self.since is not None else {}
        return said


def is_register(category: str) -> bool:
    return category.startswith(LAW)


def title(category: str) -> str:
    """Of a register's category; of any other its id."""
    country = category.removeprefix(LAW)
    return f"Register of {COUNTRY_NAMES.get(country, country.upper())}" if is_register(category) else category


def in_force(registers: Iterable[Register]) -> Mapping[str, Register]:
    """Those that are on, by their category."""
    return {one.category: one for one in registers if one.on}


def register_of(found: frozenset[str], on: Mapping[str, Register]) -> tuple[Register | None, frozenset[str]]:
    """The register that refuses what a table has as ``found``, and the kinds that are left without any: what
    only a register names is of no kind, whether that register is on or not.
    """
    named = [one for one in found if one.startswith(LAW)]
    if not named:
        return None, found
    return next((on[one] for one in sorted(named) if one in on), None), found.difference(named)


def read_registers(node: Node, sealed: Iterable[SealedSource] = ()) -> tuple[Register, ...]:
    """Raises PolicyError, also for what is one of the home's ``sealed`` sets."""
    found = tuple(_read(node))
    if len(found) > MAX_REGISTERS:
        node.place.refuse(f"names {len(found)} registers", f"name at most {MAX_REGISTERS}")
    if len({one.url or one.file for one in found}) < len(found):
        node.place.refuse("has one list as two registers", "keep it once, under its own country")
    taken = {one.url or one.file for one in sealed}
    if any((one.url or one.file) in taken for one in found):
        mend = "take it out of one of them: a state's register is never what is refused for everyone"
        node.place.refuse("has a list that 'sealed' has too", mend)
    return found


def _read(node: Node) -> Iterator[Register]:
    for key, place, value in fields.pairs(node):
        if _COUNTRY.fullmatch(key) is None:
            mend = "write two letters, such as kz (ISO 3166-1); a register is no list of another kind"
            place.refuse(f"{shown(key)} is no country", mend)
        part = fields.Fields(fields.mapping(value), _KEYS)
        url, file = part.read("url", _url, ""), part.read("file", fields.full_path, "")
        if bool(url) is bool(file):
            value.place.refuse("needs either 'url' or 'file'", "say where the register comes from, once")
        on = part.read("on", fields.flag, default=False)
        by, since = part.read("by", _who, ""), part.read("since", _day, None)
        yield Register(key, url, file, on, by if on else "", since if on else None)


def _url(node: Node) -> str:
    return fields.https_url(node, "write it like https://register.example/names.txt, or give a 'file'")


def _who(node: Node) -> str:
    who = fields.text(node)
    if len(who) > MAX_WHO:
        node.place.refuse(
            f"has {len(who)} characters", f"name who turned it on in at most {MAX_WHO}, or take it out"
        )
    return who


def _day(node: Node) -> date:
    return timetext.calendar_date(fields.text(node), node.place)
