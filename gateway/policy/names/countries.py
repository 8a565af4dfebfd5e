"""Country packs, `profiles/countries/*.yaml`: help lines for children, public holidays, laws, age marks.

An entry of ``web`` and ``companions`` is a name with all names under it, or ``=name`` for that name alone.
All entries are open before every rule and never logged, whatever the country of the household. The format::

    country: gb                         # the file's name: ISO 3166-1, eu, or common for all countries
    covers: [at, be]                    # countries without a file of their own that use this one
    help_lines:
      - id: childline
        kind: child_helpline            # one of HELP_LINE_KINDS
        for: [de]                       # shown in these countries only; absent: in all that use the file
        name: {en: Childline, ru: …}    # English at least
        phone: 0800 1111
        text: SHOUT to 85258            # how to reach it by message
        channels:                       # how most children reach it; shown before the phone
          - kind: whatsapp              # one of CHANNEL_KINDS
            to: "+44 7700 900000"       # number, address or user name; not for qr
            at: {en: In every school}   # qr alone: where the code is
            source: the operator's page
            date: 2026-11-24
        web: [childline.org.uk]         # the first one is shown
        companions: []                  # names without which its pages or its chat do not work
        status: seen                    # one of STATUSES: how the entry is known
        source: the operator's leaflet
        date: 2026-11-24                # when the source said so
        verified_on: null               # day on which a person compared it with the operator's own page …
        verified_by: A. Name            # … and that person; both or neither
    week_starts: sun                    # first day of the week of limits, where it is not Monday; for some
                                        # of the countries only: {sun: [mt, pt]}
    holidays_from: {source: …, date: 2026-11-24}    # needed where there are holidays
    laws: []                            # see profile/laws.py
    holidays:
      - name: {en: New Year}
        for: [at]                       # in these countries only; absent: in all that use the file
        on: [01-01, 2027-01-04]         # days of every year, dates, and days from Easter: easter-2,
                                        # easter, orthodox-easter+1
    ratings:                            # age marks of films and games; shown with a band, for information
      - id: pegi
        name: PEGI
        of: games                       # one of MEDIA
        marks: {"0-5": "3", "10-12": {mark: "7", then: "12", from: 12}}     # a band: the highest mark for it
        source: …
        date: 2026-11-24
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from gateway.age.bands import AgeBand
from gateway.policy.names.hosts import PublicSuffixCheck, read_entries
from gateway.policy.profile.laws import day_of, parse_law, texts
from gateway.policy.profile.rules import Law
from gateway.policy.time import time_text as timetext
from gateway.policy.time.time_text import WEEKDAYS
from gateway.policy.yaml import fields
from gateway.policy.yaml.documents import parse_document
from gateway.policy.yaml.fields import Node, Scalar, shown

COMMON = "common"
HELP_LINE_KINDS = (
    "child_helpline", "crisis", "csam_hotline", "image_removal", "missing_child", "deterrence", "report",
    "emergency", "directory", "rights", "health", "wifi_calling", "complaint",
)  # fmt: skip
# Open at all times like the rest, but not a contact for children, so not shown.
HIDDEN_KINDS = frozenset({"deterrence", "rights", "health", "wifi_calling", "complaint"})
COMPLAINTS = ("complaint", "rights")  # an authority that must answer; other bodies that speak for children
STATUSES = (
    "seen",  # in public text of the last years
    "stale",  # in old text only
    "unverified",  # general knowledge
)
CHANNEL_KINDS = ("chat", "qr", "whatsapp", "telegram", "app")
KEYS = ("country", "covers", "help_lines", "week_starts", "holidays_from", "holidays", "ratings", "laws")
LINE_KEYS = (
    "id", "kind", "for", "name", "phone", "text", "channels", "web", "companions", "status", "source",
    "date", "verified_on", "verified_by",
)  # fmt: skip

_CODE = re.compile(r"[a-z]{2}", re.ASCII)
_ID = re.compile(r"[a-z0-9][a-z0-9-]{1,39}", re.ASCII)

LEAP_YEAR = 2028
WEST, ORTHODOX = "easter", "orthodox-easter"
_YEARLY = re.compile(r"(\d\d)-(\d\d)", re.ASCII)
_FROM_EASTER = re.compile(r"(easter|orthodox-easter)(?:([+-])(\d{1,2}))?", re.ASCII)
MEDIA = ("films", "games", "films and games")


@dataclass(frozen=True, slots=True)
class HelpChannel:
    """A way to reach a help line in writing, such as a chat or a QR code that opens one."""

    kind: str  # one of CHANNEL_KINDS
    to: str  # number, host name or user name; empty for a QR code
    at: Mapping[str, str]  # language → where the QR code is; empty for other kinds
    source: str
    dated: date  # date of the source


@dataclass(frozen=True, slots=True)
class HelpLine:
    """A contact for help or reports: its name, and its chats, phone number, text message or web site."""

    id: str
    kind: str  # one of HELP_LINE_KINDS
    countries: frozenset[str]  # shown only in these; empty: wherever its file is used
    name: Mapping[str, str]  # language → text; English at least
    phone: str  # empty: none
    text: str  # how to reach it by text message; empty: not at all
    web: tuple[str, ...]  # host entries of its site; the first is shown
    companions: tuple[str, ...]  # other names that its site needs
    status: str  # one of STATUSES
    source: str
    dated: date  # date of the source
    verified_on: date | None
    verified_by: str  # a person's name; empty: not verified
    channels: tuple[HelpChannel, ...] = ()  # in the order of display

    def name_in(self, language: str) -> str:
        """Return the name in a language; in English if it has none in that."""
        return self.name.get(language) or self.name["en"]

    @property
    def site(self) -> str:
        """The host name to show, the first one of ``web``; empty for a help line without one."""
        return self.web[0].removeprefix("=") if self.web else ""


@dataclass(frozen=True, slots=True)
class Holiday:
    """A public holiday: its names and the rules for its dates."""

    name: Mapping[str, str]  # language → text; English at least
    countries: frozenset[str]  # codes; empty: all countries that use the file
    yearly: tuple[tuple[int, int], ...]  # months and days
    moving: tuple[tuple[str, int], ...]  # WEST or ORTHODOX, and days after (or before) its Sunday
    dated: tuple[date, ...]

    def days(self, year: int) -> frozenset[date]:
        """Return the dates of the holiday in one year (1900 to 2099)."""
        every = {date(year, month, day) for month, day in self.yearly}
        moving = {easter(year, kind) + timedelta(days=days) for kind, days in self.moving}
        return frozenset(every | moving | {day for day in self.dated if day.year == year})


@dataclass(frozen=True, slots=True)
class RatingMark:
    """The highest age mark (such as "12") of films or games that fits an age group.

    ``then``: a second mark, which applies from age ``from_age`` on.
    """

    mark: str
    then: str = ""  # empty: there is no second mark
    from_age: int = 0  # years


@dataclass(frozen=True, slots=True)
class Rating:
    """A system of age marks for films or games, such as PEGI, with the mark for each age group."""

    id: str
    name: str
    of: str  # one of MEDIA
    marks: Mapping[AgeBand, RatingMark]  # for all six bands
    source: str
    date: date  # of the source


@dataclass(frozen=True, slots=True)
class Country:
    """The contents of one country pack: help lines, public holidays, laws, age marks, start of the week."""

    code: str  # the file's name: a country's code, eu, or COMMON
    covers: frozenset[str]  # codes of countries without a file of their own
    help_lines: tuple[HelpLine, ...]
    days: tuple[Holiday, ...]
    ratings: tuple[Rating, ...] = ()
    laws: tuple[Law, ...] = ()
    week_starts: Mapping[str, int] = field(default_factory=dict)  # code → first weekday, if not 0 (Monday)

    def holidays(self, year: int, code: str = "") -> Mapping[date, str]:
        """Return the public holidays of a year by date, each with its English name.

        ``code``: a country that the file covers; empty: only those of all countries that use the file.
        """
        known = [day for day in self.days if not day.countries or code in day.countries]
        return {day: holiday.name["en"] for holiday in known for day in holiday.days(year)}


def parse_country(source: str | bytes, file: str, is_public_suffix: PublicSuffixCheck) -> Country:
    """Return the contents of a country's YAML file.

    Raises PolicyError with file, line, key and fix if it is invalid.
    """
    top = fields.Fields(parse_document(source, file), KEYS)
    node = top.need("country")
    code = COMMON if fields.text(node) == COMMON else _code(node)
    lines: dict[str, HelpLine] = {}
    for item in fields.items(top.need("help_lines")):
        line = _help_line(item, is_public_suffix)
        if line.id in lines:
            item.place.refuse(f"the id {shown(line.id)} is there twice", "give each line an id of its own")
        lines[line.id] = line
    days = top.read("holidays", _holidays, ())
    if days:
        _check_source(top.need("holidays_from"))
    covers = top.read("covers", _codes, frozenset())
    ratings = top.read("ratings", lambda node: tuple(map(parse_rating, fields.items(node))), ())
    laws = top.read("laws", lambda node: tuple(map(parse_law, fields.items(node))), ())
    week_starts = top.read("week_starts", lambda node: _first_weekdays(node, {code, *covers}), {})
    return Country(code, covers, tuple(lines.values()), days, ratings, laws, week_starts)


def _first_weekdays(node: Node, every: Iterable[str]) -> dict[str, int]:
    """Return country code → first weekday of the week (0: Monday), from the node ``week_starts``.

    ``every``: the codes that use the file, for a single weekday. Raises PolicyError for an invalid day or
    code.
    """
    if isinstance(node, Scalar):
        return dict.fromkeys(every, WEEKDAYS.index(fields.choice(node, WEEKDAYS)))
    found: dict[str, int] = {}
    for day, place, value in fields.pairs(node):
        if day not in WEEKDAYS:
            place.refuse("is no weekday", fields.suggestion(day, WEEKDAYS))
        found.update(dict.fromkeys(_codes(value), WEEKDAYS.index(day)))
    return found


def _check_source(node: Node) -> None:
    part = fields.Fields(fields.mapping(node), ("source", "date"))
    fields.text(part.need("source"))
    day_of(part.need("date"))


def country_of(countries: Mapping[str, Country], code: str) -> Country | None:
    """Return the file of a country: its own, or the one that covers it; None if there is none."""
    own = countries.get(code)
    return own or next((country for country in countries.values() if code in country.covers), None)


def first_weekday(countries: Mapping[str, Country], code: str) -> int:
    """Return the weekday (0: Monday) on which a week begins in a country; 0 if no file says so.

    ``code``: ISO 3166-1 alpha-2 in lower case; empty: the household chose none.
    """
    files = (country_of(countries, code), countries.get(COMMON))
    return next((file.week_starts[code] for file in files if file and code in file.week_starts), 0)


def lines_for(countries: Mapping[str, Country], code: str) -> tuple[HelpLine, ...]:
    """Return the help lines to show in a country; those with the country in ``for`` come first.

    Then come the other lines of its file, then those for all countries. Lines of HIDDEN_KINDS are left out.
    ``code``: ISO 3166-1 alpha-2 in lower case; empty: the household chose none.
    """
    files = (country_of(countries, code) if code else None, countries.get(COMMON))
    read = [
        line
        for file in files
        if file is not None
        for line in file.help_lines
        if line.kind not in HIDDEN_KINDS
    ]
    for_it = [line for line in read if code in line.countries]
    return tuple(for_it + [line for line in read if not line.countries])


def rights_for(countries: Mapping[str, Country], code: str) -> tuple[HelpLine, ...]:
    """Return the bodies that take complaints in a country: its own ones, then those for all countries.

    In each part, authorities come before other bodies that speak for children. A complaint may be about this
    filter too. ``code``: ISO 3166-1 alpha-2 in lower case; empty: the household chose none.
    """
    own, everywhere = country_of(countries, code) if code else None, countries.get(COMMON)
    found: list[HelpLine] = []
    for country in (own, everywhere):
        lines = () if country is None else country.help_lines
        there = [line for line in lines if line.kind in COMPLAINTS]
        there = [line for line in there if not line.countries or code in line.countries]
        found += sorted(there, key=lambda line: (COMPLAINTS.index(line.kind), not line.countries))
    return tuple(found)


def help_names(countries: Iterable[Country]) -> dict[str, str]:
    """Return host entry → English name of its help line, for the help lines of all countries and kinds.

    It includes the names that their pages need. A family abroad needs the help lines of its own country too.
    """
    read: dict[str, str] = {}
    for country in countries:
        for line in country.help_lines:
            for entry in line.web + line.companions:
                read.setdefault(entry, line.name_in("en"))
    return read


def calling_names(countries: Iterable[Country]) -> dict[str, str]:
    """Return host entry → English name, for the carriers' Wi-Fi calling gateways of all countries."""
    lines = [line for country in countries for line in country.help_lines if line.kind == "wifi_calling"]
    return {entry: line.name_in("en") for line in lines for entry in line.web}


def _help_line(node: Node, is_public_suffix: PublicSuffixCheck) -> HelpLine:
    part = fields.Fields(fields.mapping(node), LINE_KEYS)
    key = part.need("id")
    if _ID.fullmatch(fields.text(key)) is None:
        key.place.refuse(f"{shown(fields.text(key))} is no id", "use a-z, 0-9 and -, two letters at least")
    line = HelpLine(
        id=fields.text(key),
        kind=fields.choice(part.need("kind"), HELP_LINE_KINDS),
        countries=part.read("for", _codes, frozenset()),
        name=texts(part.need("name")),
        phone=part.read("phone", fields.text, ""),
        text=part.read("text", fields.text, ""),
        web=part.read("web", lambda n: read_entries(n, is_public_suffix), ()),
        companions=part.read("companions", lambda n: read_entries(n, is_public_suffix), ()),
        status=fields.choice(part.need("status"), STATUSES),
        source=fields.text(part.need("source")),
        dated=day_of(part.need("date")),
        verified_on=_date_or_nothing(part.need("verified_on")),
        verified_by=part.read("verified_by", fields.text, ""),
        channels=part.read("channels", lambda n: tuple(map(_channel, fields.items(n))), ()),
    )
    if (line.verified_on is None) == bool(line.verified_by):
        node.place.refuse("is verified without a name, or by a name without a day", "write both, or neither")
    if not (line.phone or line.text or line.web or line.channels):
        node.place.refuse("leads nowhere", "give it a phone, a text or a web")
    return line


def _channel(node: Node) -> HelpChannel:
    part = fields.Fields(fields.mapping(node), ("kind", "to", "at", "source", "date"))
    channel = HelpChannel(
        kind=fields.choice(part.need("kind"), CHANNEL_KINDS),
        to=part.read("to", fields.text, ""),
        at=part.read("at", texts, {}),
        source=fields.text(part.need("source")),
        dated=day_of(part.need("date")),
    )
    is_code = channel.kind == "qr"
    if is_code != bool(channel.at) or is_code == bool(channel.to):
        node.place.refuse(
            "leads nowhere", "give a QR code its place (at), any other channel its address (to)"
        )
    return channel


def _code(node: Node) -> str:
    word = fields.text(node)
    if _CODE.fullmatch(word) is None:
        node.place.refuse(f"{shown(word)} is no country", "write two letters, such as kz (ISO 3166-1)")
    return word


def _codes(node: Node) -> frozenset[str]:
    return frozenset(_code(item) for item in fields.items(node))


def _holidays(node: Node) -> tuple[Holiday, ...]:
    read = []
    for item in fields.items(node):
        part = fields.Fields(fields.mapping(item), ("name", "for", "on"))
        name, countries = texts(part.need("name")), part.read("for", _codes, frozenset())
        read.append(parse_holiday(part.need("on"), name, countries))
    return tuple(read)


def _date_or_nothing(node: Node) -> date | None:
    return None if isinstance(node, Scalar) and node.is_null else day_of(node)


def easter(year: int, kind: str = WEST) -> date:
    """Return Easter Sunday of a year (1900 to 2099), Western or Orthodox, in the Gregorian calendar.

    By Gauss's method, with its constants for these two centuries.
    """
    moon = (19 * (year % 19) + (24 if kind == WEST else 15)) % 30
    weekday = (2 * (year % 4) + 4 * (year % 7) + 6 * moon + (5 if kind == WEST else 6)) % 7
    days = moon + weekday
    if kind == ORTHODOX:
        return date(year, 4, 4) + timedelta(days=days)  # 22 March of the Julian calendar
    if weekday == 6 and (moon == 29 or (moon == 28 and year % 19 > 10)):
        days -= 7
    return date(year, 3, 22) + timedelta(days=days)


def parse_holiday(node: Node, name: Mapping[str, str], countries: frozenset[str]) -> Holiday:
    """Return the holiday with the days in ``node``, the list under ``on``.

    Raises PolicyError with file, line, key and fix for an invalid day.
    """
    yearly: list[tuple[int, int]] = []
    moving: list[tuple[str, int]] = []
    dated: list[date] = []
    for item in fields.items(node):
        word = fields.text(item)
        if match := _FROM_EASTER.fullmatch(word):
            moving.append((match[1], int(f"{match[2] or '+'}{match[3] or 0}")))
        elif match := _YEARLY.fullmatch(word):
            yearly.append(_day_of_year(item, int(match[1]), int(match[2])))
        else:
            dated.append(timetext.calendar_date(word, item.place))
    return Holiday(name, countries, tuple(yearly), tuple(moving), tuple(dated))


def _day_of_year(node: Node, month: int, day: int) -> tuple[int, int]:
    if (month, day) == (2, 29):
        node.place.refuse("is no day of every year", "write the dates, such as 2028-02-29")
    try:
        date(LEAP_YEAR, month, day)
    except ValueError:
        node.place.refuse(
            f"{shown(fields.text(node))} is no day of the year", "write month-day, such as 12-25"
        )
    return month, day


def parse_rating(node: Node) -> Rating:
    """Return one system of age marks from its YAML node.

    Raises PolicyError for an invalid value, or if an age group has no mark.
    """
    part = fields.Fields(fields.mapping(node), ("id", "name", "of", "marks", "source", "date"))
    where = part.need("marks")
    marks = {}
    for key, place, value in fields.pairs(where):
        if key not in [band.value for band in AgeBand]:
            place.refuse("is no band", fields.suggestion(key, [band.value for band in AgeBand]))
        marks[AgeBand(key)] = _mark(value, AgeBand(key))
    missing = [band.value for band in AgeBand if band not in marks]
    if missing:
        where.place.refuse(f"has no {missing[0]}", "give a mark for each of the six bands")
    return Rating(
        id=fields.text(part.need("id")),
        name=fields.text(part.need("name")),
        of=fields.choice(part.need("of"), MEDIA),
        marks=marks,
        source=fields.text(part.need("source")),
        date=day_of(part.need("date")),
    )


def _mark(node: Node, band: AgeBand) -> RatingMark:
    if isinstance(node, Scalar):
        return RatingMark(fields.text(node))
    part = fields.Fields(fields.mapping(node), ("mark", "then", "from"))
    first, last = band.ages
    age = fields.integer(part.need("from"), first + 1, last if last is not None else first + 1)
    return RatingMark(fields.text(part.need("mark")), fields.text(part.need("then")), age)
