"""Wraps a child's history of past days for the pages, with sums over several days."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from gateway.control.contract.activity import (
    ActivityDay,
    BlockedSite,
    CategoryCount,
    History,
    SiteActivity,
    Usage,
)
from gateway.policy.profile.rules import CATEGORY, SERVICE
from webui.features.activity.target_names import REASON
from webui.language import telling
from webui.language.i18n import gettext as _

WEEK = 7  # days


class SiteView:
    """A blocked or visited site in a child's history, as the pages show it.

    ``asked``: the child has an open request for it.
    """

    def __init__(self, site: SiteActivity, *, asked: bool = False) -> None:
        self.site = site
        self._asked = asked

    @property
    def background(self) -> int:
        """Return how many attempts to reach the blocked site devices made without a person.

        0 for a visited site.
        """
        return self.site.background if isinstance(self.site, BlockedSite) else 0

    @property
    def group(self) -> str:
        """Return under which heading the page lists a blocked site: ``bypass``, ``own`` or ``background``.

        They are for attempts to bypass the filter, a person's attempts, and those that devices make without a
        person. A site that the child asked for is never in the background.
        """
        if isinstance(self.site, BlockedSite) and self.site.bypass:
            return "bypass"
        return "own" if self.site.times or self._asked else "background"

    @property
    def attempts(self) -> int:
        """Return the number that the page shows: attempts at a blocked site, visits of a visited one.

        For an attempt to bypass the filter, it is all of them; else a person's, or if there are
        none, those that devices made without a person.
        """
        if self.group == "bypass":
            return self.site.times + self.background
        return self.site.times or self.background

    @property
    def is_allowed_now(self) -> bool:
        """Return whether the present rules allow a site that was blocked."""
        return isinstance(self.site, BlockedSite) and self.site.allowed_now

    @property
    def entry(self) -> str | None:
        """Return the host or ``service:ID`` that a guardian can allow.

        None for a visited site, or if no guardian can open it.
        """
        return entry_of(self.site)

    @property
    def sentence(self) -> str:
        """Return a sentence that says why the site was blocked, or that it is allowed now.

        Empty for a visited one.
        """
        if not isinstance(self.site, BlockedSite):
            return ""
        if self.is_allowed_now:
            return _("Allowed now.")
        # Blocks grouped by reason have no name. Those of a category are named by their first host.
        if self.site.target.startswith(CATEGORY) and self.site.hosts:
            return telling.blocked_site(self.site, self.site.hosts[0].host)
        named = "" if self.site.target.startswith(REASON) else self.site.name
        return telling.blocked_site(self.site, named or "")


def entry_of(site: SiteActivity) -> str | None:
    """Return the host or ``service:ID`` of a site that a guardian can allow.

    None for a visited site, or if no guardian can open it.
    """
    if not isinstance(site, BlockedSite) or site.entry is None:
        return None
    is_host = not site.entry.startswith(SERVICE)
    return site.hosts[0].host if is_host and site.hosts else site.entry


AskedFor = Callable[[str], object | None]
"""Returns a child's open request for a site or service; None if there is none."""


def nothing_asked(_entry: str) -> None:
    return None


class HistoryView:
    """A child's history of one or several days, with sums over them."""

    def __init__(self, history: History, asked_for: AskedFor = nothing_asked) -> None:
        self.history = history
        self.refused = tuple(
            SiteView(site, asked=bool((entry := entry_of(site)) and asked_for(entry)))
            for site in history.refused
        )
        self.visited = tuple(map(SiteView, history.visited))

    @property
    def days(self) -> tuple[ActivityDay, ...]:
        return self.history.days

    @property
    def today(self) -> ActivityDay | None:
        """Return today's activity.

        None if these days end before today, or if today's is private until it is over.
        """
        last = self.days[-1] if self.days else None
        return last if last is not None and last.day == self.history.today else None

    @property
    def minutes(self) -> int:
        return sum(day.minutes for day in self.days)

    @property
    def blocks(self) -> int:
        return sum(day.refused for day in self.days)

    @property
    def background(self) -> int:
        return sum(day.background for day in self.days)

    @property
    def is_sample(self) -> bool:
        """Return whether any of these days is invented sample data, as in a virtual home for tests."""
        until = self.history.sample_until
        return until is not None and self.history.from_ < until

    @property
    def has_names(self) -> bool:
        """Return whether names of sites and services are still stored for any of these days."""
        return self.history.to >= self.history.names_from

    @property
    def opened(self) -> tuple[CategoryCount, ...]:
        """Return the categories and services that devices reached, the most often reached first.

        Each has the number of allowed connections, and no minutes: these are known only for targets with a
        limit.
        """
        found = [kind for kind in self.history.kinds if kind.opened and not kind.target.startswith(REASON)]
        return tuple(sorted(found, key=lambda kind: -kind.opened))

    @property
    def services(self) -> tuple[Usage, ...]:
        """Return the minutes of all days by service, the most used first.

        One entry is for minutes of no known service.
        """
        return _sums(self.days, lambda target: not target.startswith(CATEGORY))

    @property
    def categories(self) -> tuple[Usage, ...]:
        """Return the minutes of all days by category, the most used first.

        One entry is for minutes of no known category.
        """
        return _sums(self.days, lambda target: not target.startswith(SERVICE))


def _sums(days: Iterable[ActivityDay], wanted: Callable[[str], bool]) -> tuple[Usage, ...]:
    found: dict[str, Usage] = {}
    for day in days:
        for use in day.uses:
            if wanted(use.target):
                before = found.get(use.target)
                minutes = use.minutes + (before.minutes if before else 0)
                found[use.target] = Usage(use.target, use.name, minutes, use.play, use.category)
    return tuple(sorted(found.values(), key=lambda use: (-use.minutes, use.target)))
