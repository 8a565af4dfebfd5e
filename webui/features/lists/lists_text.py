"""Describes lists of sites: categories, update intervals, search results, and reports to list makers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from gateway.control.contract.lists import Lists, ListSource, LookupResult, NamedId
from gateway.policy.config.list_tiers import AUTO_TIER, ListTier
from gateway.policy.time.list_update_times import UpdateInterval
from webui.language.i18n import gettext as _
from webui.language.things import REGISTER, thing
from webui.language.words import plain

INTERVALS = tuple(UpdateInterval)  # of automatic updates
TIERS = (AUTO_TIER, *ListTier)

_RAW = "raw.githubusercontent.com"
_PAGES = ".github.io"
_LETTERS = 120  # characters of a displayed name, address or error


@dataclass(frozen=True, slots=True)
class ListGroup:
    """The published lists of one category."""

    category: NamedId
    sources: tuple[ListSource, ...]

    @property
    def on(self) -> int:
        return sum(source.on for source in self.sources)


class ListsView:
    """The sources of lists of sites, as the page shows them: the family's own, published ones, their age."""

    def __init__(self, state: Lists) -> None:
        self.state = state

    @property
    def own(self) -> tuple[ListSource, ...]:
        return tuple(source for source in self.state.sources if source.own)

    @property
    def groups(self) -> tuple[ListGroup, ...]:
        """Return the published lists by category, in the order in which categories first appear."""
        found: dict[str, list[ListSource]] = {}
        for source in self.state.sources:
            if not source.own:
                found.setdefault(source.category, []).append(source)
        return tuple(
            ListGroup(NamedId(id=key, name=sources[0].category_name), tuple(sources))
            for key, sources in found.items()
        )

    @property
    def on(self) -> int:
        return sum(source.on for source in self.state.sources)

    @property
    def stale(self) -> tuple[ListSource, ...]:
        return tuple(source for source in self.state.sources if source.on and source.stale)

    @property
    def fetched(self) -> datetime | None:
        """Return the time of the newest download of any list; None: only the package's lists are in use."""
        times = (source.fetched for source in self.state.sources)
        return max((time for time in times if time is not None), default=None)

    def source(self, key: str) -> ListSource | None:
        return next((source for source in self.state.sources if source.id == key), None)

    def category_name(self, key: str) -> str:
        known = (category for category in self.state.categories if category.id == key)
        return next((category_name(category.id, category.name) for category in known), key)

    def feeding(self, category: str) -> tuple[ListSource, ...]:
        """Return the lists of a category that are turned on and have names in the category table."""
        return tuple(
            source
            for source in self.state.sources
            if source.category == category and source.on and source.names
        )


class LookupView:
    """The result of a search for a host, as the page shows it."""

    def __init__(self, result: LookupResult) -> None:
        self.result = result

    @property
    def entry(self) -> str:
        """Return the longest list entry that matches the host; empty if no list has it."""
        return next((match.name for match in self.result.matches), "")

    @property
    def is_registered(self) -> bool:
        """Return whether only states' registers (lists of blocked sites) have the host.

        Then no list is wrong.
        """
        categories = self.result.categories
        return bool(categories) and all(category.id.startswith(REGISTER) for category in categories)


def category_name(category: str, english: str) -> str:
    """Return the name of a category in the reader's language; ``english`` if it has none."""
    return thing(f"category:{category}", english)


def intervals() -> dict[str, tuple[str, str]]:
    """Return the choices of how often lists are updated: by the word of the setting, label and meaning."""
    return {
        "daily": (_("Every night"), _("between 02:00 and 05:00")),
        "weekly": (_("Once a week"), _("at night; new sites are missing for longer")),
        "off": (_("Never"), _("only when you press Update now")),
    }


def tiers() -> dict[str, tuple[str, str]]:
    """Return the choices of which published lists to use: by the word of the setting, label and meaning."""
    return {
        "auto": (_("Automatic"), _("the selection that fits the memory of this gateway")),
        "small": (_("Small"), _("for a router with 128 MB of memory")),
        "medium": (_("Medium"), _("for a router with 256 MB of memory")),
        "large": (_("Large"), _("for a router with 512 MB of memory or more")),
    }


def maker(url: str) -> str:
    """Return the address where a list's maker takes reports, guessed from the list's URL.

    Empty without one.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return ""
    words = [word for word in parts.path.split("/") if word]
    if host == _RAW and len(words) > 1:
        return f"https://github.com/{words[0]}/{words[1]}/issues"
    if host.endswith(_PAGES) and words:
        return f"https://github.com/{host.removesuffix(_PAGES)}/{words[0]}/issues"
    return f"https://{host}/" if host else ""


def letter(host: str, category: str, lists: Sequence[str]) -> str:
    """Return the text of a message to a list's maker: ``host`` is wrongly on ``lists``, in ``category``."""
    where = ", ".join(plain(source, _LETTERS) for source in lists)
    return _(
        "%(host)s is on your list as %(category)s (%(where)s). We think that this is a mistake."
        " Please look at it.",
        host=plain(host, _LETTERS),
        category=plain(category),
        where=where,
    )
