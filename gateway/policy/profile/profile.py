"""A person's rules: one YAML file → Profile, merged with its band's defaults. Also `home`, without a file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from gateway.age.bands import Band
from gateway.core.errors import PolicyError
from gateway.policy.identity import macs
from gateway.policy.profile import rule_file as rulefile
from gateway.policy.profile.bands import BandRules, Bands
from gateway.policy.profile.next_step import read_month
from gateway.policy.profile.old_words import old_word
from gateway.policy.profile.rule_file import NO_RULES, PERSONAL_KEYS, RULE_KEYS, Vocabulary
from gateway.policy.profile.rules import FAMILY, Rules
from gateway.policy.yaml import fields
from gateway.policy.yaml.documents import Node, Place, locate, parse_document, shown

OWN_KEYS = ("name", "band", "next_step", "devices")
ALL, GUEST, HOME = "all", "guest", "home"
TAKEN = (ALL, GUEST, HOME)
MAX_DEVICES = 64  # per person
MAX_NAME = 60  # characters

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}", re.ASCII)


DaysOf = Callable[[str], frozenset[date]]
"""Returns the days of a calendar by its file name in the profile. Raises PolicyError for an invalid one."""


def _no_days(calendar: str) -> frozenset[date]:  # noqa: ARG001
    return frozenset()


@dataclass(frozen=True, slots=True)
class Profile:
    """The rules of a person, or of devices without a person."""

    id: str  # the file's name without its ending; ASCII
    name: str  # free text
    band: Band
    devices: tuple[str, ...]  # MACs, lower case with colons
    rules: Rules
    built_in: bool = False  # guest and home
    free_days: frozenset[date] = frozenset()  # from its calendars
    next_step: str | None = None  # the month in which the next band begins, YYYY-MM
    warning: PolicyError | None = field(default=None, compare=False)  # about a file that is in force

    @property
    def is_child(self) -> bool:
        """True for the profiles that `pause all` means: no adults, guests or unfiltered devices."""
        return self.band.is_child and not self.built_in

    @property
    def filtered(self) -> bool:
        """False if only the lists that bind everyone block anything; such a device has no slot."""
        return self.rules.filters or any(law.value.binds(self.band) for law in self.rules.laws)

    @property
    def closes(self) -> bool:
        """True if undecided flows are blocked while the daemon is down."""
        return self.rules.failure.value == "closed"

    def with_log_level(self, highest_held: Band, bands: Bands) -> Profile:
        """Return the profile with its log level capped by the highest band that this person ever had."""
        level = min(self.rules.log_level, bands[highest_held].rules.log_level)
        return (
            self
            if level == self.rules.log_level
            else replace(self, rules=replace(self.rules, log_level=level))
        )


def check_id(profile_id: str, file: str) -> None:
    """Raise PolicyError if no profile may have this id."""
    place = Place(file, 1, "")
    if _ID.fullmatch(profile_id) is None:
        place.refuse(
            f"its name {shown(profile_id)} is no profile id",
            "rename the file: letters a-z, digits, - and _, at most 40; the child's name goes into 'name:'",
        )
    if profile_id.lower() in TAKEN:
        place.refuse(f"the id '{profile_id}' is taken", "rename the file")


def parse_profile(
    source: str | bytes,
    file: str,
    profile_id: str,
    bands: Bands,
    words: Vocabulary,
    days_of: DaysOf = _no_days,
) -> Profile:
    """Return a profile. ``days_of`` reads the calendars. Raises PolicyError with file, line, key and fix."""
    check_id(profile_id, file)
    document = parse_document(source, file)
    part = fields.Fields(document, (*OWN_KEYS, *RULE_KEYS, *PERSONAL_KEYS))
    band = Band(fields.choice(part.need("band"), [known.value for known in Band]))
    base = bands[band].rules
    return Profile(
        id=profile_id,
        name=part.read("name", _name, profile_id),
        band=band,
        devices=part.read("devices", _devices, ()),
        rules=rulefile.read_rules(document, base, FAMILY, words, base.log_level),
        free_days=part.read("calendars", lambda node: _free_days(node, days_of), frozenset()),
        next_step=part.read("next_step", _month, None),
        warning=old_word(document),
    )


def _month(node: Node) -> str:
    """Return the month, also a past one: families may edit their files late."""
    word = fields.text(node)
    if read_month(word) is None:
        node.place.refuse(f"{shown(word)} is no month", "write a year and a month as 2027-05")
    return word


def _free_days(node: Node, days_of: DaysOf) -> frozenset[date]:
    days: set[date] = set()
    for item in fields.items(node):
        word = fields.text(item)
        try:
            days |= days_of(word)
        except PolicyError as error:
            item.place.refuse(f"{shown(word)} {error.problem}", error.fix)
    return frozenset(days)


def _name(node: Node) -> str:
    word = fields.text(node)
    if len(word) > MAX_NAME:
        node.place.refuse(f"has {len(word)} characters", f"use at most {MAX_NAME}")
    if word.casefold() in TAKEN or macs.parse_mac(word) is not None:
        node.place.refuse(f"{shown(word)} means something else on the command line", "choose another name")
    return word


def _devices(node: Node) -> tuple[str, ...]:
    read = macs.macs(node)
    if len(read) > MAX_DEVICES:
        node.place.refuse(f"has {len(read)} devices", f"use at most {MAX_DEVICES}")
    return read


def conflict(new: Profile, others: Iterable[Profile], file: str, source: str | bytes) -> PolicyError | None:
    """Return why ``new``, read from ``source``, conflicts with ``others``: a shared device or name; else
    None.
    """
    for other in others:
        for number, mac in enumerate(new.devices):
            if mac in other.devices:
                return locate(source, file, "devices".__eq__, number).error(
                    f"the device {mac} is in the profiles '{other.id}' and '{new.id}'",
                    "take it out of one, or name it under 'shared' in qalqan.yaml",
                )
        place = locate(source, file, "name".__eq__)  # without a name it is the file's own name
        if {new.name.casefold(), new.id.casefold()} & {other.name.casefold(), other.id.casefold()}:
            return place.error(
                f"the profiles '{other.id}' and '{new.id}' have the same name {shown(new.name)}",
                "give each a name of its own",
            )
    return None


def find_profile(who: str, profiles: Mapping[str, Profile]) -> Profile | None:
    """Return a profile by id, or by name ignoring case; None if there is none."""
    if who in profiles:
        return profiles[who]
    wanted = who.casefold()
    return next(
        (
            profile
            for profile in profiles.values()
            if wanted in (profile.name.casefold(), profile.id.casefold())
        ),
        None,
    )


def home_profile(bands: Bands) -> Profile:
    """Return the profile of unfiltered devices: only what binds everyone is blocked; no times, no log."""
    return Profile(HOME, "Home", Band.ADULT, (), _unfiltered(bands), built_in=True)


def _unfiltered(bands: Bands) -> Rules:
    adult: BandRules = bands[Band.ADULT]
    # An unfiltered device has no person, whatever the adult band says about logging or failure.
    return replace(NO_RULES, failure=adult.rules.failure, clock_unset=adult.rules.clock_unset)
