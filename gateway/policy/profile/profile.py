"""A person's rules: one YAML file → Profile, merged with its age group's defaults.

Also the built-in profiles without a file: `guest`, for devices without an owner, and `home`, for devices that
are not filtered.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from datetime import date

from gateway.age.bands import AgeBand, youngest
from gateway.core.errors import PolicyError
from gateway.policy.identity import macs
from gateway.policy.profile import rule_file as rulefile
from gateway.policy.profile.age_transitions import read_month
from gateway.policy.profile.bands import BandRules, Bands, owner_of
from gateway.policy.profile.bypass_methods import BypassMethod, MethodSetting
from gateway.policy.profile.old_words import old_word
from gateway.policy.profile.rule_file import Vocabulary
from gateway.policy.profile.rule_keys import NO_RULES, PERSON_KEYS, PERSONAL_KEYS, RULE_KEYS
from gateway.policy.profile.rules import (
    FAMILY,
    GUEST,
    HOME,
    PROFILE_ID,
    TAKEN,
    Action,
    Bedtime,
    Mode,
    Owned,
    Rules,
)
from gateway.policy.time.time_text import DAY_MINUTES, ByDay, Span
from gateway.policy.yaml import fields
from gateway.policy.yaml.documents import locate, parse_document
from gateway.policy.yaml.fields import Node, Place, shown

MAX_DEVICES = 64  # per person
MAX_NAME = 60  # characters

_ID = re.compile(PROFILE_ID, re.ASCII)


DEFAULT_BAND = AgeBand.AGE_10_12  # for a family without a child in a suitable band (`guest_band`)
MAX_STEM = 32  # characters; an id has 40 at most, and a number may follow
FALLBACK = "child"  # for a name without a letter that has an ASCII form

# Russian and Kazakh. Other letters lose their diacritics.
_LETTERS = str.maketrans(
    {
        "а": "a", "ә": "a", "б": "b", "в": "v", "г": "g", "ғ": "g", "д": "d", "е": "e", "ё": "yo",
        "ж": "zh", "з": "z", "и": "i", "й": "y", "к": "k", "қ": "q", "л": "l", "м": "m", "н": "n", "ң": "n",
        "о": "o", "ө": "o", "п": "p", "р": "r", "с": "s", "т": "t", "у": "u", "ұ": "u", "ү": "u", "ф": "f",
        "х": "kh", "һ": "h", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "shch", "ъ": "", "ы": "y", "і": "i",
        "ь": "", "э": "e", "ю": "yu", "я": "ya", "ß": "ss", "ı": "i", "ł": "l", "ø": "o", "æ": "ae",
        "œ": "oe", "đ": "d", "þ": "th",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Profile:
    """The rules of a person, merged with the age group's defaults, or of devices without a person."""

    id: str  # the file's name without its ending; ASCII
    name: str  # free text
    band: AgeBand
    devices: tuple[str, ...]  # MACs, lower case with colons
    rules: Rules
    built_in: bool = False  # guest and home
    free_days: frozenset[date] = frozenset()  # from its calendars
    next_step: str | None = None  # the month in which the next band begins, YYYY-MM
    warning: PolicyError | None = field(default=None, compare=False)  # about a file that is in force
    days_known: bool = field(default=True, compare=False)  # False: a calendar is not read, or unusable
    calendar_problem: PolicyError | None = field(default=None, compare=False)  # of the first unusable one

    @property
    def is_child(self) -> bool:
        """True for a child's profile; False for adults, guests and unfiltered devices.

        The command `pause all` pauses the profiles for which it is True.
        """
        return self.band.is_child and not self.built_in

    @property
    def is_child_or_guest(self) -> bool:
        """True for the profiles that filter as for children: those of children, and of guests."""
        return self.is_child or self.id == GUEST

    @property
    def filtered(self) -> bool:
        """True if any rule or law may block something or use up time; the lists for everyone do not count."""
        return self.rules.filters or any(law.value.binds(self.band) for law in self.rules.laws)

    @property
    def closes(self) -> bool:
        """True if new connections are blocked while the daemon is down."""
        return self.rules.failure.value == "closed"

    def with_log_level(self, highest_held: AgeBand, bands: Bands) -> Profile:
        """Return the profile with its log level limited to that of the highest age group it ever had.

        ``bands``: the rules of all age groups.
        """
        level = min(self.rules.log_level, bands[highest_held].rules.log_level)
        return (
            self
            if level == self.rules.log_level
            else replace(self, rules=replace(self.rules, log_level=level))
        )


def check_id(profile_id: str, file: str) -> None:
    """Raise PolicyError if ``profile_id`` is invalid or reserved. ``file``: the name in the error."""
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
) -> Profile:
    """Return the profile in a file's text, merged with its age group's defaults.

    The free days of its calendars are not read. ``words``: the categories, services and laws to validate
    against. Raises PolicyError with file, line, key and fix if the file is invalid.
    """
    check_id(profile_id, file)
    document = parse_document(source, file)
    part = fields.Fields(document, (*PERSON_KEYS, *RULE_KEYS, *PERSONAL_KEYS))
    band = AgeBand(fields.choice(part.need("band"), [known.value for known in AgeBand]))
    base = bands[band].rules
    return Profile(
        id=profile_id,
        name=part.read("name", _name, profile_id),
        band=band,
        devices=part.read("devices", _devices, ()),
        rules=rulefile.read_rules(document, base, FAMILY, words, base.log_level),
        next_step=part.read("next_step", _month, None),
        warning=old_word(document),
    )


def _month(node: Node) -> str:
    """Return the month in a YAML node, such as ``2027-05``.

    Past ones are valid too: families may edit their files late. Raises PolicyError for other text.
    """
    word = fields.text(node)
    if read_month(word) is None:
        node.place.refuse(f"{shown(word)} is no month", "write a year and a month as 2027-05")
    return word


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
    """Return the error if ``new`` has a device, a name or an id of another profile; None if it has none.

    ``file`` and ``source``: the file of ``new``, for the error's place.
    """
    for other in others:
        for number, mac in enumerate(new.devices):
            if mac in other.devices:
                return locate(source, file, "devices".__eq__, number).error(
                    f"the device {mac} is in the profiles '{other.id}' and '{new.id}'",
                    "take it out of one, or name it under 'shared' in qalqan.yaml",
                )
        if {new.name.casefold(), new.id.casefold()} & {other.name.casefold(), other.id.casefold()}:
            place = locate(source, file, "name".__eq__)  # without a name it is the file's own name
            return place.error(
                f"the profiles '{other.id}' and '{new.id}' have the same name {shown(new.name)}",
                "give each a name of its own",
            )
    return None


def home_profile(bands: Bands) -> Profile:
    """Return the built-in profile of unfiltered devices, such as printers.

    Only what is blocked for everyone is blocked; there are no time rules and no log.
    """
    return Profile(HOME, "Home", AgeBand.ADULT, (), _unfiltered(bands), built_in=True)


def _unfiltered(bands: Bands) -> Rules:
    adult: BandRules = bands[AgeBand.ADULT]
    # An unfiltered device has no person, whatever the adult band says about logging or failure.
    return replace(NO_RULES, failure=adult.rules.failure, clock_unset=adult.rules.clock_unset)


def guest_band(profiles: Iterable[Profile], bands: Bands) -> AgeBand:
    """Return the age group whose rules guests get: of the family's children the youngest that is suitable.

    Unknown sites must be open in it. DEFAULT_BAND if no child has such an age group.
    """
    fit = [profile.band for profile in profiles if profile.is_child and bands[profile.band].for_guests]
    return youngest(fit) if fit else DEFAULT_BAND


def guest_profile(profiles: Iterable[Profile], bands: Bands) -> Profile:
    """Return the built-in guest profile, which has the categories of one age group (`guest_band`).

    Unknown sites and VPNs are open, and there are no limits, no allowed hours and no log. Its bedtime lasts
    from the earliest bedtime of the children in ``profiles`` to their latest morning. The children's own
    entries do not apply to guests.
    """
    family = tuple(profiles)
    band = guest_band(family, bands)
    base = bands[band].rules
    owner = owner_of(band)
    rules = replace(
        base,
        mode=Owned(Mode.BLOCK_LIST, owner),
        unknown=Owned(Action.ALLOW, owner),
        # A guest has no daily time to use.
        categories={key: _uncounted(rule) for key, rule in base.categories.items()},
        # Guests use their company's VPN for work.
        ways={**base.ways, BypassMethod.VPN: Owned(MethodSetting.ALLOW, owner)},
        homework=(),
        bedtime=union_of_bedtimes(person.rules.bedtime for person in family if person.is_child),
        limits={},
        windows={},
        landing=NO_RULES.landing,
        linger=NO_RULES.linger,
        auto_approve=NO_RULES.auto_approve,
        strict=Owned(False, owner),
        log_level=0,
    )
    return Profile(GUEST, "Guest", band, (), rules, built_in=True)


def _uncounted(rule: Owned[Action]) -> Owned[Action]:
    """Return the action for guests, who have no daily time: allow in place of count, else unchanged."""
    return Owned(Action.ALLOW, rule.owner) if rule.value is Action.COUNT else rule


def union_of_bedtimes(bedtimes: Iterable[Bedtime]) -> Bedtime:
    """Return a bedtime that for each morning lasts from the earliest start to the latest end of all.

    They are compared for each weekday as a school day and as a free day.
    """
    by_slot = zip(*(bedtime.values for bedtime in bedtimes), strict=True)
    values = tuple(_union([bedtime.value for bedtime in slot if bedtime is not None]) for slot in by_slot)
    return ByDay(values or (None,) * 14)


def _union(spans: list[Span]) -> Owned[Span] | None:
    """Return the span from the earliest start to the latest end, owned by the family; None without spans.

    One that ends on the evening of its own day counts only if none lasts until a morning.
    """
    nights = [span for span in spans if span.is_night] or spans
    if not nights:
        return None
    # In minutes from the midnight before the morning, so that 20:45 sorts before 00:30.
    start = min(span.start - DAY_MINUTES if span.crosses_midnight else span.start for span in nights)
    end = min(max(span.end for span in nights), start + DAY_MINUTES - 1)
    return Owned(Span(start % DAY_MINUTES, end), FAMILY)


def id_of(name: str, taken: Collection[str]) -> str:
    """Return a new profile id made from a name: ``aruzhan``, ``aruzhan-2``, ``child-2``.

    It is not in ``taken``, ignoring case, and not reserved.
    """
    used = {known.casefold() for known in (*taken, *TAKEN)}
    stem = _ascii_id(name)
    number = 2 if stem in used else 1
    if not stem:
        stem, number = FALLBACK, 2 if FALLBACK in used else 1
    while True:
        found = stem if number == 1 else f"{stem}-{number}"
        if found not in used:
            return found
        number += 1


def _ascii_id(name: str) -> str:
    """Return the name in ASCII letters and digits with dashes; empty if no letter has an ASCII form."""
    import unicodedata  # 1 MB; needed only for a new profile

    spelt = unicodedata.normalize("NFC", name).casefold().translate(_LETTERS)
    plain = unicodedata.normalize("NFKD", spelt).encode("ascii", "ignore").decode()
    words = "".join(char if char.isalnum() else " " for char in plain).split()
    return "-".join(words)[:MAX_STEM].strip("-")
