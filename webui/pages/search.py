"""The parents' search: children, their rules, apps, categories, pages and explanations, by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webui import menu
from webui.accounts.session import guardian, guardians_only, signed_in
from webui.daemon import daemon
from webui.features.rules.rules_pages import rule_address
from webui.features.status.home_text import ChildView
from webui.language.i18n import gettext as _
from webui.language.spelling import NameMatch, Query, closest
from webui.language.words import plain
from webui.learn.book import ALIAS, TextBook
from webui.learn.book import whole as whole_book
from webui.pages.learn import title as title_of_explanation
from webui.rules.catalogue import CatalogueIndex
from webui.rules.overview import PAGES
from webui.rules.rule_text import TEXTS

blueprint = Blueprint("search", __name__, url_prefix="/parent/search")

LENGTH_LIMIT = 60  # characters of a search
SHOWN = 8  # results of a group; a longer search finds fewer


@dataclass(frozen=True, slots=True)
class SearchResult:
    """One result of the parents' search: a page, or several with labels, such as one for each child."""

    title: str
    links: tuple[tuple[str, str], ...]  # label and address; one link without a label: the title is the link


@dataclass(frozen=True, slots=True)
class ResultGroup:
    title: str
    results: tuple[SearchResult, ...]


@blueprint.get("/")
@guardians_only
def show() -> ResponseReturnValue:
    wanted, home = plain(" ".join(request.args.get("q", "").split()), LENGTH_LIMIT), daemon().home()
    groups = tuple(_groups(Query.of(wanted), home.children)) if wanted else ()
    return render_template("search.html", home=home, guardian=guardian(), wanted=wanted, groups=groups)


def _groups(query: Query, children: Sequence[ChildView]) -> Iterator[ResultGroup]:
    """Yield the groups of search results that are not empty, in the order of the page.

    If the query has a child's name and other words, only the other words are searched, and found rules, apps
    and categories link to that child's pages only.
    """
    named = [child for child in children if _names(query, child)]
    rest = Query(
        tuple(word for word in query.words if not any(_names(Query((word,)), child) for child in named))
    )
    if rest.words:
        query, children = rest, named or children
    catalogue = daemon().catalogue()
    found = (
        (_("Children"), _children(named)),
        (_("Rules"), _rules(query, children)),
        (_("Apps and services"), _services(query, children, catalogue)),
        (_("Categories"), _categories(query, children, catalogue)),
        (_("Pages"), _pages(query)),
        (_("Explanations"), _explanations(query)),
    )
    for title, results in found:
        if results:
            yield ResultGroup(title, results)


def _names(query: Query, child: ChildView) -> bool:
    """Return whether one of the query's words is the child's name or its beginning."""
    return any(
        Query((word,)).match(child.name) in (NameMatch.EXACT, NameMatch.PREFIX) for word in query.words
    )


def _children(named: Sequence[ChildView]) -> tuple[SearchResult, ...]:
    return tuple(
        SearchResult(
            plain(child.name),
            (
                (_("Rules"), url_for("rules.show", profile=child.id)),
                (_("Activity"), url_for("activity.day", profile=child.id)),
            ),
        )
        for child in named
    )


def _rules(query: Query, children: Sequence[ChildView]) -> tuple[SearchResult, ...]:
    titles = {key: text.title() for key, text in TEXTS.items() if key in PAGES}
    return _of_children(query, children, titles, _rule_page)


def _rule_page(profile: str, key: str) -> str:
    if key == "limits":
        return url_for("limits.show", profile=profile)
    if key == "windows":
        return url_for("week.choose", profile=profile)
    return rule_address(profile, key, PAGES[key])


def _services(
    query: Query, children: Sequence[ChildView], catalogue: CatalogueIndex
) -> tuple[SearchResult, ...]:
    names = {service.id: service.name for service in catalogue.services.values()}
    return _of_children(
        query, children, names, lambda profile, key: url_for("services.one", profile=profile, service=key)
    )


def _categories(
    query: Query, children: Sequence[ChildView], catalogue: CatalogueIndex
) -> tuple[SearchResult, ...]:
    names = {key: category.name for key, category in catalogue.kinds.items()}
    return _of_children(
        query, children, names, lambda profile, key: rule_address(profile, f"categories/{key}", "kinds")
    )


def _of_children(
    query: Query, children: Sequence[ChildView], titles: Mapping[str, str], address: Callable[[str, str], str]
) -> tuple[SearchResult, ...]:
    """Return the best matching titles (at most SHOWN), each with a link for every child.

    ``titles``: by key. ``address``: returns the page of a child's id and a key.
    """
    return tuple(
        SearchResult(titles[key], tuple((plain(child.name), address(child.id, key)) for child in children))
        for key in tuple(closest(query, titles))[:SHOWN]
    )


def _pages(query: Query) -> tuple[SearchResult, ...]:
    entries = [entry for group in menu.groups(signed_in()) for entry in group.entries]
    best = closest(query, {entry: f"{entry.title} {entry.about}" for entry in entries})
    return tuple(SearchResult(entry.title, (("", url_for(entry.endpoint)),)) for entry in tuple(best)[:SHOWN])


def _explanations(query: Query) -> tuple[SearchResult, ...]:
    titles = {
        key: title_of_explanation(key, entry)
        for key, entry in whole_book(TextBook.LEARN).entries.items()
        if not entry.one(ALIAS)
    }
    return tuple(
        SearchResult(titles[key], (("", url_for("learn.one", key=key)),))
        for key in tuple(closest(query, titles))[:SHOWN]
    )
