"""A child's rules in the order of the overview, each with its owner and the page that changes it.

Every entry of the file is shown. An entry that these pages cannot describe is shown as written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from webui.language.i18n import gettext as _
from webui.language.things import laws
from webui.language.words import plain
from webui.rules import sentences as say
from webui.rules.catalogue import Catalogue
from webui.rules.hours import Unreadable
from webui.rules.laws import describe_law
from webui.rules.ruleset import BY_ENTRY, FAMILY, LISTS, Ruleset, part
from webui.rules.steps import step_sentence
from webui.rules.switches import switch_of

# The page that changes a rule, by the rule's key. A rule that is missing here is changed in the file.
PAGES = {
    "bedtime": "week", "windows": "week", "limits": "limit",
    "mode": "basics", "unknown": "basics", "safe_search": "basics", "strict": "basics", "ways": "basics",
    "log_level": "basics", "failure": "basics", "clock_unset": "basics", "landing": "basics",
    "linger": "basics", "auto_approve": "basics", "updates": "basics", "name": "basics",
    "next_step": "basics",
    "laws": "laws",
    "categories": "kinds", "allow": "sites", "block": "sites", "homework": "sites", "band": "band",
}  # fmt: skip
CHOICES = ("mode", "unknown", "safe_search", "strict", "updates", "failure", "clock_unset")
DATED = ("dates", "calendars", "portal")  # not shown when empty
GRACE = ("landing", "linger", "auto_approve")


@dataclass(frozen=True, slots=True)
class Rule:
    key: str  # as `edit` takes it, ``block/tiktok.com``
    title: str  # a short name of the target
    sentences: tuple[str, ...]
    owner: str  # "family" or "band:<id>"
    band_says: tuple[str, ...] = ()  # the band's value, next to the family's
    on: bool | None = None  # state of its switch; None: it has none
    page: str = ""  # the page that changes it; empty: only the file
    resets: bool = False  # whether a reset to the band's value has an effect
    removes: bool = False  # whether the rule is the family's alone and can be removed

    @property
    def own(self) -> bool:
        return self.owner == FAMILY


@dataclass(frozen=True, slots=True)
class Section:
    id: str
    title: str
    rules: tuple[Rule, ...]
    as_band: tuple[Rule, ...] = ()  # rules with the band's value; folded, because there are many


def overview(book: Ruleset, names: Catalogue) -> tuple[Section, ...]:
    found = {rule.key: rule for rule in rules(book, names)}
    sections = (
        ("time", _("Time"), ("bedtime", "limits", "windows", *GRACE, "dates", "calendars")),
        ("what", _("Sites and services"), ("mode", "unknown", *LISTS)),
        ("laws", _("Laws"), ("laws",)),
        ("kinds", _("Kinds of sites"), ("categories",)),
        ("around", _("Searches and ways around"), ("safe_search", "ways", "strict", "updates")),
        ("seen", _("What is written down"), ("log_level",)),
        ("stopped", _("When something fails"), ("failure", "clock_unset")),
        ("who", _("Who"), ("name", "band", "next_step", "devices", "portal")),
    )
    shown = []
    for ident, title, keys in sections:
        here = [found.pop(key) for key in tuple(found) if _head(key) in keys]
        here.sort(key=lambda rule: keys.index(_head(rule.key)))
        folds = ident in ("kinds", "around")
        own = tuple(rule for rule in here if rule.own or not folds)
        shown.append(Section(ident, title, own, tuple(rule for rule in here if not rule.own and folds)))
    if found:
        shown.append(Section("rest", _("More in the file"), tuple(found.values())))
    return tuple(section for section in shown if section.rules or section.as_band)


def _head(key: str) -> str:
    return key.partition("/")[0]


def rules(book: Ruleset, names: Catalogue) -> Iterator[Rule]:
    """Yield the rules of the file, then those of the band that the file does not override."""
    for key in dict.fromkeys(("name", "band", *book.state.own, *book.state.rules)):
        if key in LISTS:
            yield from _list(book, names, key)
        elif key in BY_ENTRY:
            yield from _entries(book, names, key)
        elif key not in DATED or book.holds(key) or part(book.state.own, key):
            yield rule(book, names, key)


def _entries(book: Ruleset, names: Catalogue, key: str) -> Iterator[Rule]:
    if book.cleared(key):
        yield replace(rule(book, names, key), sentences=(cleared(key),), page="", resets=True, on=None)
    held, own = book.state.rules.get(key) or {}, book.state.own.get(key) or {}
    for entry in dict.fromkeys((*held, *own)):
        yield rule(book, names, f"{key}/{entry}")


def cleared(key: str) -> str:
    return {
        "categories": _("None of the band’s kinds of sites is in force"),
        "ways": _("No way around is refused"),
        "limits": _("None of the band’s limits is in force"),
        "windows": _("None of the band’s windows is in force"),
        "laws": _("No law is turned on"),
        "allow": _("Nothing is open by its name because the band says so"),
        "block": _("Nothing is refused by its name because the band says so"),
        "homework": _("Nothing is for homework because the band says so"),
    }[key]


def _list(book: Ruleset, names: Catalogue, key: str) -> Iterator[Rule]:
    own, band = book.listed(key), part(book.state.band_rules, key) or ()
    if book.cleared(key):
        yield Rule(key, title(key, names), (cleared(key),), FAMILY, resets=True)
    for word in own:
        said = (say.entry(key, word, names),)
        yield Rule(f"{key}/{word}", names.called(word), said, FAMILY, page="sites", removes=True)
    for word in () if book.cleared(key) else band:
        if word not in own:
            said = (say.entry(key, str(word), names),)
            yield Rule(
                f"{key}/{word}", names.called(str(word)), said, f"band:{book.state.band}", page="sites"
            )


def rule(book: Ruleset, names: Catalogue, key: str) -> Rule:
    """Return the current rule of one key. If the family overrides the band, the band's value is included."""
    own, held, band = book.owns(key), _held(book, key), book.band_says(key)
    if held is None and key.partition("/")[1]:
        held = {}
    try:
        said, page = sentences(key, held, names, book.state.name, book.state.band), PAGES.get(_head(key), "")
    except Unreadable:
        said, page = (say.as_written(key, held),), ""
    says = _sentences(key, band, names, book.state.name) if own and band is not None else ()
    return Rule(
        key=key,
        title=title(key, names),
        sentences=said,
        owner=book.owner(key),
        band_says=says,
        on=switch_of(book, key) if page else None,
        page=page,
        resets=own
        and band is not None
        and key not in ("band", "name")
        and part(book.state.own, key) is not None,
        removes=own and band is None and _head(key) in BY_ENTRY,
    )


def _held(book: Ruleset, key: str) -> object:
    if key in ("name", "band"):
        return {"name": book.state.name, "band": book.state.band}[key]
    if key in DATED and book.state.own.get(key):
        return book.state.own[key]  # as written: the current rules list every day of a range separately
    held = book.holds(key)
    return part(book.state.own, key) if held is None else held


def _sentences(key: str, value: object, names: Catalogue, name: str) -> tuple[str, ...]:
    try:
        return sentences(key, value, names, name)
    except Unreadable:
        return (say.as_written(key, value),)


def sentences(key: str, value: object, names: Catalogue, name: str, band: str = "") -> tuple[str, ...]:
    """Describe one key.

    ``name``, ``band``: the child's. Raises: Unreadable if it must be shown as written.
    """
    head, _slash, target = key.partition("/")
    if head in CHOICES:
        return (say.choice(head, value) or say.as_written(key, value),)
    if head in GRACE:
        return (say.minutes(head, value),)
    if target:
        return _of_entry(head, target, value, names)
    match head:
        case "bedtime":
            return say.bedtime(value)
        case "log_level":
            return (say.log_level(value, name),)
        case "name":
            return (_("Name: %(name)s", name=plain(str(value))),)
        case "band":
            return (_("Where you have set nothing, the %(band)s rules hold", band=str(value)),)
        case "next_step":
            return (step_sentence(str(value), band) or say.as_written(key, value),)
        case "devices":
            return (say.devices(value),)
        case "portal":
            return (say.portal(value),)
        case "calendars":
            return say.calendars(value)
        case "dates" if isinstance(value, dict):
            return tuple(
                sentence for day, said in value.items() for sentence in say.date(str(day), said, names)
            )
    return (say.as_written(key, value),)


def _of_entry(head: str, target: str, value: object, names: Catalogue) -> tuple[str, ...]:
    match head:
        case "limits":
            return say.limits(names.called(target), value)
        case "windows":
            return say.windows(names.called(target), value)
        case "categories":
            return (say.kind(names.called(f"category:{target}"), value),)
        case "laws":
            return (describe_law(target, value),)
    return (say.way(target, value),)


def title(key: str, names: Catalogue) -> str:
    """Return a short name of the rule for screen readers, as the label of its switch."""
    head, _slash, target = key.partition("/")
    match head if target else "":
        case "limits":
            return _("Limit: %(what)s", what=names.called(target))
        case "windows":
            return _("Hours: %(what)s", what=names.called(target))
        case "categories":
            return names.called(f"category:{target}")
        case "ways":
            return say.way_name(target)
        case "laws":
            return laws().get(target, target)
    say_so = _TITLES.get(key)
    return say_so() if say_so is not None else key


_TITLES: Mapping[str, Callable[[], str]] = {  # called for one key, in the reader's language
    "bedtime": lambda: _("Bedtime"),
    "mode": lambda: _("What is open"),
    "unknown": lambda: _("Sites of no known kind"),
    "safe_search": lambda: _("Safe search"),
    "strict": lambda: _("Addresses without a name"),
    "updates": lambda: _("Updates"),
    "landing": lambda: _("Minutes to finish a game"),
    "linger": lambda: _("Silent minutes"),
    "auto_approve": lambda: _("Minutes granted by themselves"),
    "log_level": lambda: _("Log level"),
    "failure": lambda: _("While the filter does not run"),
    "clock_unset": lambda: _("While the time is not known"),
    "name": lambda: _("Name"),
    "band": lambda: _("Age band"),
    "next_step": lambda: _("Month of the next step"),
    "devices": lambda: _("Devices"),
    "dates": lambda: _("Dates"),
    "calendars": lambda: _("Calendars"),
    "portal": lambda: _("Our page on devices"),
    "categories": lambda: _("Kinds of sites"),
    "ways": lambda: _("Ways around"),
    "laws": lambda: _("Laws"),
    "limits": lambda: _("Limits"),
    "windows": lambda: _("Hours"),
    "allow": lambda: _("Open"),
    "block": lambda: _("Refused"),
    "homework": lambda: _("For homework"),
}
