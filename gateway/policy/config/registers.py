"""A state's register of sites to block: `registers:` in qalqan.yaml → Register. The product ships none.

registers:
  kz: {url: "https://register.example/names.txt", on: true, by: Mum, since: 2026-11-24}
  ru: {file: /var/lib/isp/register.txt}     # configured and off: neither fetched nor in force

Such registers mix subjects. Each is therefore a category of its own, ``law:<country>``, separate from all
other lists. Decisions by a register include who turned it on and on which day.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from gateway.policy.sealed.source import SealedSource
from gateway.policy.time import time_text as timetext
from gateway.policy.values import LAW
from gateway.policy.yaml import fields
from gateway.policy.yaml.fields import Node, shown

MAX_REGISTERS = 4  # a household is in one country; an internet provider may offer a neighbour's too
MAX_BYTES = 64 << 20  # per register: two million lines
CONSOLE = "console"  # the gateway's console, where root turned it on
MAX_WHO = 60  # characters of the name of the person who turned it on
NO_REGISTERS: Mapping[str, Register] = {}

_KEYS = ("url", "file", "on", "by", "since")
_COUNTRY = re.compile(r"[a-z]{2}", re.ASCII)

# In English; the pages translate them. Other countries are shown by their code.
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
    """One state's list of sites to block: its source, and whether, by whom and when it was turned on.

    Either ``url`` or ``file`` is set; the other is empty.
    """

    country: str
    url: str
    file: str
    on: bool = False
    by: str = ""  # who turned it on; empty: a manual edit
    since: date | None = None  # in the household's calendar

    @property
    def category(self) -> str:
        """The id of the category of its names in the category table, such as ``law:kz``."""
        return f"{LAW}{self.country}"

    @property
    def source(self) -> str:
        """The id of the downloaded copy of the list, such as ``law-kz``."""
        return f"law-{self.country}"

    @property
    def owner(self) -> str:
        """The owner of its rule in decisions, such as ``law:kz:Mum``.

        It is the category, and the person who turned it on, if known.
        """
        return f"{self.category}:{self.by}" if self.by not in ("", CONSOLE) else self.category

    @property
    def name(self) -> str:
        """The title of the list for people, such as "Register of Kazakhstan"."""
        return register_title(self.category)

    def written(self) -> dict[str, str | bool]:
        """Return the register's keys and values as they are written in qalqan.yaml."""
        said: dict[str, str | bool] = {"url": self.url} if self.url else {"file": self.file}
        if self.on:
            said["on"] = True
            said |= {"by": self.by} if self.by else {}
            said |= {"since": self.since.isoformat()} if self.since is not None else {}
        return said


def is_register(category: str) -> bool:
    return category.startswith(LAW)


def register_title(category: str) -> str:
    """Return the title of a state register's category, such as "Register of Kazakhstan".

    Another category is returned unchanged.
    """
    country = category.removeprefix(LAW)
    return f"Register of {COUNTRY_NAMES.get(country, country.upper())}" if is_register(category) else category


def in_force(registers: Iterable[Register]) -> Mapping[str, Register]:
    """Return the state registers that are on, by their category."""
    return {register.category: register for register in registers if register.on}


def register_of(found: frozenset[str], on: Mapping[str, Register]) -> tuple[Register | None, frozenset[str]]:
    """Return the state register that blocks a host with the categories ``found``, and the other categories.

    The register is None if none is on (``on``: those that are, by category). The categories of registers are
    always removed: a name that only a register lists has no category, whether the register is on or off.
    """
    named = [register for register in found if register.startswith(LAW)]
    if not named:
        return None, found
    return next((on[category] for category in sorted(named) if category in on), None), found.difference(named)


def read_registers(node: Node, sealed: Iterable[SealedSource] = ()) -> tuple[Register, ...]:
    """Return the state registers in a YAML node.

    Raises PolicyError for invalid ones, too many, and a source that another one or ``sealed`` has too.
    """
    found = tuple(_read(node))
    if len(found) > MAX_REGISTERS:
        node.place.refuse(f"names {len(found)} registers", f"name at most {MAX_REGISTERS}")
    if len({register.url or register.file for register in found}) < len(found):
        node.place.refuse("has one list as two registers", "keep it once, under its own country")
    taken = {source.url or source.file for source in sealed}
    if any((register.url or register.file) in taken for register in found):
        fix = "take it out of one of them: a state's register is never what is blocked for everyone"
        node.place.refuse("has a list that 'sealed' has too", fix)
    return found


def _read(node: Node) -> Iterator[Register]:
    for key, place, value in fields.pairs(node):
        if _COUNTRY.fullmatch(key) is None:
            fix = "write two letters, such as kz (ISO 3166-1); a register is no list of another kind"
            place.refuse(f"{shown(key)} is no country", fix)
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
