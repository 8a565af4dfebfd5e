"""Laws of a country as rules: `laws` in `profiles/countries/*.yaml`, and in a child's file.

A law blocks services or categories for children below an age. It is off until a guardian turns it on for a
child. Each has its legal status and the source of its description. The format::

    laws:
      - id: au-under-16-social
        name: {en: Social Media Minimum Age (Australia), ru: …, kk: …}
        below: 16                       # applies to age groups that end before this age
        status: in force                # a LawStatus
        since: 2025-12-10               # only if it is in force
        expected: {en: early 2027}      # only if it is announced and a time is known
        refuses: [service:tiktok]       # also category:<id>
        named_too: [service:youtube]    # named by the law, but not blocked here, because …
        why_open: {en: …}               # … of this reason
        not_on_it: [service:discord]    # often assumed to be named by the law
        source: …
        date: 2026-11-24                # when the source was read

    laws: {au-under-16-social: Mum}     # in a child's file: a law that is on, and who turned it on
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from datetime import date
from typing import Any

from gateway.policy.names.categories import LANGUAGES
from gateway.policy.profile.rules import FAMILY, EntryKind, Law, Laws, LawStatus, Owned, RuleEntry
from gateway.policy.time import time_text as timetext
from gateway.policy.yaml import fields
from gateway.policy.yaml.fields import Node, shown

LAW_KEYS = (
    "id", "name", "below", "status", "since", "expected", "refuses", "named_too", "why_open", "not_on_it",
    "source", "date",
)  # fmt: skip
AGES = (6, 18)
MAX_WHO = 60  # characters of the person's name, as in a profile
MAX_ON = 16  # laws of one child
UNNAMED = ("true", "on", "yes")  # accepted in a file edited by hand, in place of a name
OFF = ("false", "off", "no")  # likewise, for a law that is not on

_ID = re.compile(r"[a-z]{2}-[a-z0-9-]{2,37}", re.ASCII)


def parse_law(node: Node) -> Law:
    """Return a law from a node of a country's file. Raises PolicyError for an invalid value."""
    part = fields.Fields(fields.mapping(node), LAW_KEYS)
    key = part.need("id")
    if _ID.fullmatch(fields.text(key)) is None:
        key.place.refuse(f"{shown(fields.text(key))} is no id", "write it like au-under-16-social")
    law = Law(
        id=fields.text(key),
        name=texts(part.need("name")),
        below=fields.integer(part.need("below"), *AGES),
        status=LawStatus(fields.choice(part.need("status"), list(LawStatus))),
        since=part.read("since", day_of, None),
        expected=part.read("expected", texts, {}),
        refuses=_entries(part.need("refuses")),
        named_too=part.read("named_too", _entries, ()),
        why_open=part.read("why_open", texts, {}),
        not_on_it=part.read("not_on_it", _entries, ()),
        source=fields.text(part.need("source")),
        date=day_of(part.need("date")),
    )
    if (law.since is not None) != (law.status is LawStatus.IN_FORCE):
        node.place.refuse("'since' does not fit its status", "give the day of one that is in force, no other")
    if bool(law.named_too) != bool(law.why_open):
        node.place.refuse(
            "leaves something open without a why", "write 'named_too' and 'why_open', or neither"
        )
    return law


def texts(node: Node) -> Mapping[str, str]:
    """Return language → text, from a mapping in a data file.

    Raises PolicyError if English is missing, or for another language.
    """
    part = fields.Fields(fields.mapping(node), LANGUAGES)
    part.need("en")
    return {key: fields.text(value) for key, _, value in fields.pairs(node)}


def day_of(node: Node) -> date:
    return timetext.calendar_date(fields.text(node), node.place)


def _entries(node: Node) -> tuple[RuleEntry, ...]:
    read = []
    for item in fields.items(node):
        kind, _, value = fields.text(item).partition(":")
        if kind not in ("service", "category") or not value:
            word = shown(fields.text(item))
            item.place.refuse(f"{word} is not known here", "write service:<id> or category:<id>")
        read.append(
            RuleEntry(EntryKind.SERVICE if kind == "service" else EntryKind.CATEGORY, value, "product")
        )
    return tuple(read)


def unknown_entries(laws: Iterable[Law], services: Collection[str], categories: Collection[str]) -> list[str]:
    """Return services and categories that laws name but that are not known, as text ``LAW: ENTRY``."""
    named = [(law.id, entry) for law in laws for entry in (*law.refuses, *law.named_too, *law.not_on_it)]
    known = {EntryKind.SERVICE: services, EntryKind.CATEGORY: categories}
    return [f"{law}: {entry}" for law, entry in named if entry.value not in known[entry.kind]]


def read_laws(node: Node, known: Laws) -> tuple[Owned[Law], ...]:
    """Return the laws that a child's file turns on, each owned by the person who did so.

    A law with a word of OFF is not on. ``known``: the laws of all countries. Raises PolicyError for an
    unknown law, too many, or a name that is longer than MAX_WHO.
    """
    rows = list(fields.pairs(node))
    if len(rows) > MAX_ON:
        node.place.refuse(f"names {len(rows)} laws", f"name at most {MAX_ON}")
    read = []
    for key, place, value in rows:
        if key not in known:
            place.refuse(f"{shown(key)} is no law of a country's file", fields.suggestion(key, tuple(known)))
        who = fields.text(value)
        if len(who) > MAX_WHO:
            value.place.refuse(f"has {len(who)} characters", f"name who turned it on in at most {MAX_WHO}")
        if who.lower() in OFF:
            continue
        read.append(Owned(known[key], FAMILY if who.lower() in UNNAMED else f"guardian:{who}"))
    return tuple(read)


def spoken_laws(laws: Iterable[Owned[Law]]) -> dict[str, str]:
    """Return law id → name of the person who turned it on, as in a child's file; ``true`` if unknown."""
    return {law.value.id: law.owner.partition(":")[2] or "true" for law in laws}


def signed(changes: Mapping[str, Any], by: str) -> dict[str, Any]:
    """Return a copy of the changes of a child's file, with ``by`` as the person who turns each law on.

    A request therefore cannot turn on a law in another person's name. None and False stay: False turns a law
    off, and so does None for one law; within a mapping `edits` rejects None.
    """

    def name(value: object) -> object:
        return value if value is None or value is False else by

    found = dict(changes)
    for key, value in changes.items():
        head, slash, _ = key.partition("/")
        if head == "laws" and slash:
            found[key] = name(value)
        elif head == "laws" and isinstance(value, Mapping):
            found[key] = {law: name(who) for law, who in value.items()}
    return found
