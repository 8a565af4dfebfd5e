"""Lists a child's rules as described rows, in the order of the overview.

Each has its owner and the page that changes it. Every entry of the file is shown. An entry that these pages
cannot describe is shown as written.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from gateway.policy.profile.rule_keys import BY_NAME, ONE_VALUE, RuleSection, RuleShape, of_shape
from gateway.policy.profile.rules import SERVICE
from webui.language import loglevels
from webui.language.i18n import gettext as _
from webui.language.things import laws, way
from webui.language.words import listed, plain
from webui.rules import sentences as say
from webui.rules.catalogue import CatalogueIndex
from webui.rules.hours import Unreadable
from webui.rules.laws import describe_law
from webui.rules.rule_text import SECTIONS, TEXTS, cleared_text, title_of
from webui.rules.ruleset import BY_ENTRY, FAMILY, LISTS, Ruleset, part, whole
from webui.rules.steps import step_sentence
from webui.rules.switches import switch_of

# The page that changes a rule, by the rule's key. A rule without a page is changed in the file.
PAGES = {
    **dict.fromkeys((*of_shape(*ONE_VALUE), "ways", "name", "next_step"), "basics"),
    **dict.fromkeys(LISTS, "sites"),
    "bedtime": "week", "windows": "week", "limits": "limit", "categories": "kinds", "laws": "laws",
    "band": "band",
}  # fmt: skip
CHOICES = of_shape(RuleShape.CHOICE, RuleShape.SWITCH)
MINUTES = of_shape(RuleShape.MINUTES)
OPTIONAL = of_shape(RuleShape.LIST)  # keys that are not shown when empty
FOLDED = (RuleSection.BYPASS,)  # the band's rules of these cards are folded
BRIEF = (RuleSection.CATEGORIES,)  # the band's rules of these cards are only on the page that changes them
SENTENCES_SHOWN = 2  # of a card's rules, in its one line
# The keys with the sentences of a card's one line.
SUMMARISED = {
    RuleSection.TIME: ("limits", "windows"),
    RuleSection.BEDTIME: ("bedtime",),
    RuleSection.SITES: ("allow", "block", "homework", "categories"),
    RuleSection.SEARCH: ("safe_search",),
}


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
class OverviewSection:
    """A card of the overview page: its title, a summary in one line, and its rules."""

    id: str
    title: str
    state: str  # the rules in one line
    rules: tuple[Rule, ...]
    as_band: tuple[Rule, ...] = ()  # rules with the band's value, folded


def overview(book: Ruleset, names: CatalogueIndex) -> tuple[OverviewSection, ...]:
    """Return the cards of a child's overview page. Together they have every rule that the family has set."""
    order = {key: number for number, key in enumerate(TEXTS)}
    cards: dict[RuleSection, list[Rule]] = {section: [] for section in SECTIONS}
    for rule in rules(book, names):
        cards[section_of(rule.key)].append(rule)
    shown = []
    for section, found in cards.items():
        found.sort(key=lambda rule: order.get(_head(rule.key), len(order)))
        own = tuple(rule for rule in found if rule.own or section not in (*FOLDED, *BRIEF))
        as_band = tuple(rule for rule in found if not rule.own and section in FOLDED)
        shown.append(
            OverviewSection(section.value, SECTIONS[section](), state_of(section, found, book), own, as_band)
        )
    return tuple(shown)


def section_of(key: str) -> RuleSection:
    """Return the card of the overview page in which a rule key is listed; the last one for other keys."""
    head = _head(key)
    if key.startswith(f"categories/{SERVICE}"):
        return RuleSection.SITES
    section = BY_NAME[head].section if head in BY_NAME else RuleSection.PERSON
    return section if section in SECTIONS else RuleSection.PERSON


def state_of(section: RuleSection, found: Sequence[Rule], book: Ruleset) -> str:
    """Return in one line a summary of the rules in a card of the overview page. ``found``: these rules."""
    match section:
        case RuleSection.CATEGORIES:
            return _counted(found, book)
        case RuleSection.BYPASS:
            allowed = [rule.title for rule in found if _head(rule.key) == "ways" and not rule.on]
            if not allowed:
                return _("All known methods are blocked")
            return _("Allowed: %(methods)s", methods=listed(allowed))
        case RuleSection.ACTIVITY:
            return loglevels.in_short(whole(book.holds("log_level")))
        case RuleSection.PERSON:
            return _("Age group %(band)s, laws, name", band=book.state.band)
    heads = SUMMARISED.get(section, ())
    said = [sentence for rule in found if _head(rule.key) in heads for sentence in rule.sentences]
    if not said:
        said = [sentence for rule in found[:1] for sentence in rule.sentences]
    more = len(said) - SENTENCES_SHOWN
    line = " · ".join(said[:SENTENCES_SHOWN])
    return _("%(rules)s · %(count)d more", rules=line, count=more) if more > 0 else line


def _counted(found: Sequence[Rule], book: Ruleset) -> str:
    """Return a line: how many categories are blocked, need approval, and use daily time."""
    actions = [str(book.holds(rule.key)) for rule in found]
    texts = {
        "block": _("%(count)d blocked", count=actions.count("block")),
        "ask": _("%(count)d need approval", count=actions.count("ask")),
        "count": _("%(count)d use daily time", count=actions.count("count")),
    }
    return " · ".join(text for action, text in texts.items() if action in actions) or _("All allowed")


def _head(key: str) -> str:
    return key.partition("/")[0]


def rules(book: Ruleset, names: CatalogueIndex) -> Iterator[Rule]:
    """Yield each of a child's rules in words: name and age group, the family's, then the age group's.

    Rules of the age group that the family overrides are not repeated.
    """
    for key in dict.fromkeys(("name", "band", *book.state.own, *book.state.rules)):
        if key in LISTS:
            yield from _list(book, names, key)
        elif key in BY_ENTRY:
            yield from _entries(book, names, key)
        elif key not in OPTIONAL or book.holds(key) or part(book.state.own, key):
            yield rule(book, names, key)


def _entries(book: Ruleset, names: CatalogueIndex, key: str) -> Iterator[Rule]:
    if book.cleared(key):
        yield replace(rule(book, names, key), sentences=(cleared_text(key),), page="", resets=True, on=None)
    held, own = book.state.rules.get(key) or {}, book.state.own.get(key) or {}
    for entry in dict.fromkeys((*held, *own)):
        yield rule(book, names, f"{key}/{entry}")


def _list(book: Ruleset, names: CatalogueIndex, key: str) -> Iterator[Rule]:
    own, band = book.listed(key), part(book.state.band_rules, key) or ()
    if book.cleared(key):
        yield Rule(key, title(key, names), (cleared_text(key),), FAMILY, resets=True)
    for word in own:
        said = (say.entry(key, word, names),)
        yield Rule(f"{key}/{word}", names.called(word), said, FAMILY, page="sites", removes=True)
    for word in () if book.cleared(key) else band:
        if word not in own:
            said = (say.entry(key, str(word), names),)
            yield Rule(
                f"{key}/{word}", names.called(str(word)), said, f"band:{book.state.band}", page="sites"
            )


def rule(book: Ruleset, names: CatalogueIndex, key: str) -> Rule:
    """Return the rule of one key in words, with its owner, its switch and the page that changes it.

    If the family overrides the age group, the age group's value is included.
    """
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
    if key in OPTIONAL and book.state.own.get(key):
        return book.state.own[key]  # as written: the current rules list every day of a range separately
    held = book.holds(key)
    return part(book.state.own, key) if held is None else held


def _sentences(key: str, value: object, names: CatalogueIndex, name: str) -> tuple[str, ...]:
    try:
        return sentences(key, value, names, name)
    except Unreadable:
        return (say.as_written(key, value),)


def sentences(key: str, value: object, names: CatalogueIndex, name: str, band: str = "") -> tuple[str, ...]:
    """Return sentences about the value of one rule key.

    ``name``, ``band``: the child's name and age group. Raises Unreadable for a value that the pages cannot
    describe.
    """
    head, _slash, target = key.partition("/")
    if head in CHOICES:
        return (say.choice(head, value) or say.as_written(key, value),)
    if head in MINUTES:
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
            return (_("Where you have set nothing, the %(band)s rules apply", band=str(value)),)
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


def _of_entry(head: str, target: str, value: object, names: CatalogueIndex) -> tuple[str, ...]:
    match head:
        case "limits":
            return say.limits(names.called(target), value)
        case "windows":
            return say.windows(names.called(target), value)
        case "categories":
            return (say.kind(names.called_by_key(target), value),)
        case "laws":
            return (describe_law(target, value),)
    return (say.way(target, value),)


def title(key: str, names: CatalogueIndex) -> str:
    """Return the short name of a rule, which screen readers read as the label of its switch."""
    head, _slash, target = key.partition("/")
    match head if target else "":
        case "limits":
            return _("Time limit: %(what)s", what=names.called(target))
        case "windows":
            return _("Allowed hours: %(what)s", what=names.called(target))
        case "categories":
            return names.called_by_key(target)
        case "ways":
            return way(target)
        case "laws":
            return laws().get(target, target)
    return title_of(key)
