"""Pages of lists: their age, the family's own, a search for a host, and records of wrong entries."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from flask import Blueprint, Response, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from gateway.control.client import Unreachable
from gateway.control.contract.lists import (
    LIST_ADD,
    LIST_LOOKUP,
    LIST_REMOVE,
    LIST_REPORT,
    LIST_UNREPORT,
    LIST_UPDATE,
    LISTS,
    NAME_LIMIT,
    ListSource,
)
from gateway.control.contract.rules import EDIT_FAMILY, FAMILY, WHY, FamilySettings
from gateway.control.verbs import Verb
from gateway.core.errors import ControlError
from gateway.policy.names.hosts import MAX_HOST
from webui import notices
from webui.accounts.session import guardian, guardians_only
from webui.daemon import daemon, source_address
from webui.features.lists.lists_text import (
    INTERVALS,
    TIERS,
    ListsView,
    LookupView,
    category_name,
    intervals,
    letter,
    maker,
    tiers,
)
from webui.features.status.home_text import HomeView
from webui.forms import one_of
from webui.language import refusals, telling
from webui.language.i18n import gettext as _
from webui.language.words import plain

ResponseT = TypeVar("ResponseT")

blueprint = Blueprint("lists", __name__, url_prefix="/parent/lists")

URL_LIMIT = 200  # characters
OWN_CATEGORY = "own"  # the list applies to chosen children alone
PACKAGED = "qalqan"  # name in a report of the small lists in the package
ROUTER_OPTIONS = ("main.lists_update", "main.lists_tier")
ADDRESS_STARTS = ("https://", "http://")


@dataclass(frozen=True, slots=True)
class Meaning:
    """Whether a searched host is allowed for one child, and why."""

    id: str
    name: str
    open: bool
    sentence: str


@blueprint.get("/")
@guardians_only
def show() -> ResponseReturnValue:
    return _page()


def _page() -> str:
    """Return the page, with the fields of a sent form for an own list, which was refused."""
    home, lists = daemon().home(), _lists()
    asked = _host(request.args.get("host", ""))
    found, problem = _looked_up(asked) if asked else (None, "")
    return render_template(
        "lists.html",
        home=home,
        guardian=guardian(),
        notice=notices.current(home),
        lists=lists,
        asked=asked,
        found=found,
        problem=problem,
        packaged=PACKAGED,
        intervals=intervals(),
        tiers=tiers(),
        by_router=_options_of_the_router(daemon().client.ask(FAMILY)),
        meanings=_meanings(found, home) if found else (),
        category_name=category_name,
        letter=letter,
        maker=maker,
        typed=request.form,
        name_limit=NAME_LIMIT,
        url_limit=URL_LIMIT,
    )


@blueprint.get("/now")
@guardians_only
def now() -> ResponseReturnValue:
    """Return the lists and their state as an HTML fragment, for the script that updates the page."""
    home = daemon().home()
    return render_template("lists_now.html", home=home, guardian=guardian(), lists=_lists(), tiers=tiers())


def _lists() -> ListsView:
    return ListsView(daemon().client.ask(LISTS))


def _host(typed: str) -> str:
    """Return the host in typed or pasted text, which may be the address of a page.

    At most MAX_HOST characters.
    """
    text = plain(typed, 2 * MAX_HOST).strip().lower()
    for start in ADDRESS_STARTS:
        text = text.removeprefix(start)
    return text.partition("/")[0].partition("?")[0][:MAX_HOST]


def _looked_up(host: str) -> tuple[LookupView | None, str]:
    try:
        return LookupView(daemon().client.ask(LIST_LOOKUP, host=host)), ""
    except Unreachable:
        raise
    except ControlError as error:
        return None, refusals.sentence(error)


def _meanings(found: LookupView, home: HomeView) -> tuple[Meaning, ...]:
    meanings, host = [], found.result.host
    for child in home.children:
        try:
            answer = telling.explained(daemon().client.ask(WHY, host=host, profile=child.id))
        except Unreachable:
            raise
        except ControlError:
            continue
        meanings.append(Meaning(child.id, child.name, answer.verdict != "block", answer.sentence))
    return tuple(meanings)


@blueprint.get("/wrong.json")
@guardians_only
def wrong_file() -> ResponseReturnValue:
    """Return a report about a wrong entry as a JSON file, for the list's maker: domain, list and version.

    It has no data of this home. 404 if that list does not have the host, if only states' registers have it,
    or if it is blocked for everyone.
    """
    found, _problem = _looked_up(_host(request.args.get("host", "")))
    if found is None or found.result.refused_for_everyone or found.is_registered or not found.entry:
        abort(404)
    feeds = {source.id: source.version for source in found.result.sources}
    feeds = feeds or {PACKAGED: daemon().home().status.version}
    wanted = request.args.get("list", "")
    if wanted not in feeds:
        abort(404)
    entry = {"domain": found.entry, "list": wanted, "version": feeds[wanted]}
    return Response(
        json.dumps(entry, indent=1, ensure_ascii=False) + "\n",
        mimetype="application/json",
        headers={"Content-Disposition": 'attachment; filename="wrong-entry.json"'},
    )


# ---------------------------------------------------------------------------------------------- downloads


@blueprint.post("/update")
@guardians_only
def update() -> ResponseReturnValue:
    with notices.refusals_to(notices.said):
        _change(LIST_UPDATE, force=True)
        notices.forget()
    return _back()


@blueprint.post("/interval")
@guardians_only
def interval() -> ResponseReturnValue:
    """Set how often lists are downloaded, and which set of them (``tier``), with an undo."""
    family = daemon().client.ask(FAMILY)
    chosen = {"lists/update": one_of("interval", INTERVALS)}
    if "tier" in request.form:
        chosen["lists/tier"] = one_of("tier", TIERS)
    current = {"lists/update": family.lists.update, "lists/tier": family.lists.tier}
    changes = {key: word for key, word in chosen.items() if word != current[key]}
    if not changes:
        notices.said(_("Nothing was changed."))
        return _back()
    with notices.refusals_to(notices.said):
        done = daemon().change(EDIT_FAMILY, set=changes, by=guardian() or "", origin=source_address())
        if "lists/update" not in changes:
            sentence = _("The selection of lists changes with the next update.")
        elif changes["lists/update"] == "off":
            sentence = _("Automatic downloads of lists are off.")
        else:
            sentence = _("Lists are downloaded automatically.")
        if family.by_hand:
            sentence = f"{sentence} {_('The notes are removed. The gateway keeps a copy.')}"
        notices.edited_home(done, sentence)
    return _back()


def _options_of_the_router(family: FamilySettings) -> tuple[str, ...]:
    """Return the options of the router's own settings that decide about list updates.

    Their form is that of ``main.lists_tier``.
    """
    return tuple(entry.option for entry in family.router if entry.option in ROUTER_OPTIONS)


@blueprint.post("/add")
@guardians_only
def add() -> ResponseReturnValue:
    lists = _lists()
    name = plain(" ".join(request.form.get("name", "").split()), NAME_LIMIT)
    url = request.form.get("url", "").strip()
    category = one_of("category", {OWN_CATEGORY, *(category.id for category in lists.state.categories)})
    ticked = request.form.getlist("people") if category == OWN_CATEGORY else []
    people = [child.id for child in daemon().home().children if child.id in ticked]
    if not name or not url or len(url) > URL_LIMIT:
        notices.said(_("A list needs a name and an address of at most %(most)d letters.", most=URL_LIMIT))
        return _page(), 422
    if category == OWN_CATEGORY and not people:
        notices.said(_("Choose the children for whom this list applies."))
        return _page(), 422
    return _back() if _add(name, url, category, people) else (_page(), 422)


@blueprint.post("/add/back")
@guardians_only
def add_back() -> ResponseReturnValue:
    """Add one of the family's own lists again, which was removed, from the undo form."""
    category, url, name = _was(3)
    if len(url) > URL_LIMIT:
        abort(400)
    _add(plain(name, NAME_LIMIT), url, category)
    return _back()


def _add(name: str, url: str, category: str, people: Sequence[str] = ()) -> bool:
    """Add an own list, and store a notice about it. Return False if the daemon refuses."""
    problems: list[str] = []
    with notices.refusals_to(problems.append):
        values = {"people": list(people)} if people else {}
        _change(LIST_ADD, name=name, url=url, category=category, **values)
        notices.said(_("%(name)s is fetched with the next update.", name=name))
    if problems:
        notices.said(problems[0])
    return not problems


@blueprint.post("/remove")
@guardians_only
def remove() -> ResponseReturnValue:
    source = _lists().source(request.form.get("id", ""))
    if source is None:  # sent twice: keep the notice of the first, with its undo
        return _back()
    if not source.own:
        abort(400)
    with notices.refusals_to(notices.said):
        _change(LIST_REMOVE, id=source.id)
        sentence = _("%(name)s is removed. Its sites go with the next update.", name=plain(source.name))
        # A list with a category of its own lost its rules too, which adding it again would not restore. The
        # API and the daemon accept addresses that are too long for the cookie of the notice.
        if source.category == source.id or len(source.url) > URL_LIMIT:
            notices.said(sentence)
        else:
            was = f"{source.category} {source.url} {plain(source.name, NAME_LIMIT)}"
            notices.did_back("unlisted", was, sentence)
    return _back()


@blueprint.post("/switch")
@guardians_only
def switch() -> ResponseReturnValue:
    source = _source(request.form.get("id", ""))
    _switch(source, on=one_of("on", {"yes", "no"}) == "yes")
    return _back()


@blueprint.post("/switch/back")
@guardians_only
def switch_back() -> ResponseReturnValue:
    key, was = _was(2)
    if was not in ("yes", "no"):
        abort(400)
    _switch(_source(key), on=was == "yes")
    return _back()


def _switch(source: ListSource, *, on: bool) -> None:
    if source.own:
        abort(400)
    name = plain(source.name)
    with notices.refusals_to(notices.said):
        if on:
            _change(LIST_ADD, id=source.id)
        else:
            _change(LIST_REMOVE, id=source.id)
        sentence = (
            _("%(name)s is fetched with the next update.", name=name)
            if on
            else _("%(name)s is off. Its sites go with the next update.", name=name)
        )
        notices.did_back("switched", f"{source.id} {'no' if on else 'yes'}", sentence)


# ------------------------------------------------------------------------------------------ wrong entries


@blueprint.post("/report")
@guardians_only
def report() -> ResponseReturnValue:
    """Record that a list has a host by mistake, and allow it for the chosen children. Nothing is sent."""
    host = _host(request.form.get("host", ""))
    ticked = request.form.getlist("open")
    children = [child for child in daemon().home().children if child.id in ticked]
    with notices.refusals_to(notices.said):
        # The form says what it opens and for whom: it is the second step after the search.
        done = _change(LIST_REPORT, host=host, open=[child.id for child in children], confirmed=True)
        entry = plain(done.host, 80)
        names = ", ".join(plain(child.name) for child in children)
        notices.said(
            _("%(host)s is reported, and allowed for %(names)s.", host=entry, names=names)
            if children
            else _("%(host)s is reported.", host=entry)
        )
    return redirect(url_for("lists.show", _anchor="wrong"), 303)


@blueprint.post("/unreport")
@guardians_only
def unreport() -> ResponseReturnValue:
    host = request.form.get("host", "")
    if not host or len(host) > MAX_HOST:
        abort(400)
    with notices.refusals_to(notices.said):
        _change(LIST_UNREPORT, host=host)
        notices.said(
            _(
                "%(host)s is removed from this list. Sites that you allowed stay allowed.",
                host=plain(host, 80),
            )
        )
    return redirect(url_for("lists.show", _anchor="wrong"), 303)


def _source(key: str) -> ListSource:
    source = _lists().source(key)
    if source is None:
        abort(404)
    return source


def _was(count: int) -> list[str]:
    parts = request.form.get("was", "")[: URL_LIMIT + 2 * NAME_LIMIT].split(" ", count - 1)
    if len(parts) != count or not all(parts):
        abort(400)
    return parts


def _change(verb: Verb[Any, ResponseT], **values: object) -> ResponseT:
    return daemon().change(verb, by=guardian() or "", origin=source_address(), **values)


def _back() -> ResponseReturnValue:
    return redirect(url_for("lists.show"), 303)
