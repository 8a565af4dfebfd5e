"""Lists of names: their age, the family's own, a search for a host, and reports of wrong entries."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from gateway.control.client import Unreachable
from gateway.control.contract.rules import EDIT_FAMILY, FAMILY
from gateway.core.errors import ControlError
from gateway.policy.names.hosts import MAX_HOST
from webui import notices
from webui.accounts.session import guardian, guardians_only
from webui.daemon import daemon, source_address
from webui.forms import one_of
from webui.language import refusals, telling
from webui.language.i18n import gettext as _
from webui.language.words import plain
from webui.values.answers import Home
from webui.values.lists import INTERVALS, Found, Lists, Source, intervals, letter, maker, many
from webui.values.shapes import Answer

blueprint = Blueprint("lists", __name__, url_prefix="/parent/lists")

NAME_LIMIT = 60  # characters; the daemon's limit
URL_LIMIT = 200
PACKAGED = "qalqan"  # name in a report of the small lists in the package
ADDRESS_STARTS = ("https://", "http://")


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a list entry means for one child."""

    id: str
    name: str
    open: bool
    sentence: str


@blueprint.get("/")
@guardians_only
def show() -> ResponseReturnValue:
    home, lists = daemon().home(), daemon().lists()
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
        meanings=_meanings(found, home) if found else (),
        letter=letter,
        maker=maker,
        many=many,
        name_limit=NAME_LIMIT,
        url_limit=URL_LIMIT,
    )


@blueprint.get("/now")
@guardians_only
def now() -> ResponseReturnValue:
    """Return the changing part of the page, for the script that updates it."""
    home = daemon().home()
    return render_template(
        "lists_now.html", home=home, guardian=guardian(), lists=daemon().lists(), many=many
    )


def _host(typed: str) -> str:
    """Return the host of typed or pasted text. It may be the address of a page."""
    text = plain(typed, 2 * MAX_HOST).strip().lower()
    for start in ADDRESS_STARTS:
        text = text.removeprefix(start)
    return text.partition("/")[0].partition("?")[0][:MAX_HOST]


def _looked_up(host: str) -> tuple[Found | None, str]:
    try:
        return daemon().list_lookup(host), ""
    except Unreachable:
        raise
    except ControlError as error:
        return None, refusals.sentence(error)


def _meanings(found: Found, home: Home) -> tuple[Meaning, ...]:
    meanings = []
    for child in home.children:
        try:
            answer = Answer(daemon().client.call("why", host=found.host, profile=child.id))
        except Unreachable:
            raise
        except ControlError:
            continue
        is_open = answer.text("verdict") != "block"
        meanings.append(Meaning(child.id, child.name, is_open, telling.met(answer, found.host, home.now)))
    return tuple(meanings)


@blueprint.get("/wrong.json")
@guardians_only
def wrong_file() -> ResponseReturnValue:
    """Return a report of one wrong entry for a list's maker: domain, list and version.

    It has no data of this home.
    """
    found, _problem = _looked_up(_host(request.args.get("host", "")))
    if found is None or found.refused_for_everyone or found.registered or not found.entries:
        abort(404)
    feeds = {source.id: source.version for source in found.sources} or {PACKAGED: daemon().home().version}
    wanted = request.args.get("list", "")
    if wanted not in feeds:
        abort(404)
    entry = {"domain": found.entries[0], "list": wanted, "version": feeds[wanted]}
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
        _change("list_update", force=True)
        notices.forget()
    return _back()


@blueprint.post("/interval")
@guardians_only
def interval() -> ResponseReturnValue:
    """Set how often lists are downloaded."""
    chosen, family = one_of("interval", INTERVALS), daemon().client.ask(FAMILY)
    if chosen == family.lists.update:
        notices.said(_("Nothing was changed."))
        return _back()
    with notices.refusals_to(notices.said):
        done = daemon().change(
            EDIT_FAMILY, set={"lists/update": chosen}, by=guardian() or "", origin=source_address()
        )
        sentence = (
            _("Lists are not downloaded automatically any more.")
            if chosen == "off"
            else _("Lists are downloaded automatically.")
        )
        if family.by_hand:
            sentence = f"{sentence} {_('The notes in the file are gone; a copy of it is kept.')}"
        notices.did_back("family", notices.way_back(done), sentence)
    return _back()


@blueprint.post("/add")
@guardians_only
def add() -> ResponseReturnValue:
    lists = daemon().lists()
    name = plain(" ".join(request.form.get("name", "").split()), NAME_LIMIT)
    url = request.form.get("url", "").strip()
    category = one_of("category", {kind.id for kind in lists.categories})
    if not name or not url or len(url) > URL_LIMIT:
        notices.said(_("A list needs a name and an address of at most %(most)d letters.", most=URL_LIMIT))
        return _back()
    _add(name, url, category)
    return _back()


@blueprint.post("/add/back")
@guardians_only
def add_back() -> ResponseReturnValue:
    """Restore one of the family's own lists that was removed."""
    category, url, name = _was(3)
    _add(plain(name, NAME_LIMIT), url[:URL_LIMIT], category)
    return _back()


def _add(name: str, url: str, category: str) -> None:
    with notices.refusals_to(notices.said):
        _change("list_add", name=name, url=url, category=category)
        notices.said(_("%(name)s is fetched with the next update.", name=name))


@blueprint.post("/remove")
@guardians_only
def remove() -> ResponseReturnValue:
    one = _one(request.form.get("id", ""), daemon().lists())
    if not one.own:
        abort(400)
    with notices.refusals_to(notices.said):
        _change("list_remove", id=one.id)
        sentence = _("%(name)s is taken out. Its names go with the next update.", name=plain(one.name))
        notices.did_back("unlisted", f"{one.category} {one.url} {plain(one.name, NAME_LIMIT)}", sentence)
    return _back()


@blueprint.post("/switch")
@guardians_only
def switch() -> ResponseReturnValue:
    one = _one(request.form.get("id", ""), daemon().lists())
    _switch(one, on=one_of("on", {"yes", "no"}) == "yes")
    return _back()


@blueprint.post("/switch/back")
@guardians_only
def switch_back() -> ResponseReturnValue:
    key, was = _was(2)
    if was not in ("yes", "no"):
        abort(400)
    _switch(_one(key, daemon().lists()), on=was == "yes")
    return _back()


def _switch(source: Source, *, on: bool) -> None:
    if source.own:
        abort(400)
    name = plain(source.name)
    with notices.refusals_to(notices.said):
        _change("list_add" if on else "list_remove", id=source.id)
        sentence = (
            _("%(name)s is fetched with the next update.", name=name)
            if on
            else _("%(name)s is off. Its names go with the next update.", name=name)
        )
        notices.did_back("switched", f"{source.id} {'no' if on else 'yes'}", sentence)


# ------------------------------------------------------------------------------------------ wrong entries


@blueprint.post("/report")
@guardians_only
def report() -> ResponseReturnValue:
    """Record a wrong entry here, and allow the host for the chosen children. Nothing is sent."""
    host = _host(request.form.get("host", ""))
    ticked = request.form.getlist("open")
    children = [child for child in daemon().home().children if child.id in ticked]
    with notices.refusals_to(notices.said):
        answer = Answer(_change("list_report", host=host, open=[child.id for child in children]))
        entry = plain(answer.text("host"), 80)
        names = ", ".join(plain(child.name) for child in children)
        notices.said(
            _("%(host)s is written down, and open for %(names)s.", host=entry, names=names)
            if children
            else _("%(host)s is written down.", host=entry)
        )
    return redirect(url_for("lists.show", _anchor="wrong"), 303)


@blueprint.post("/unreport")
@guardians_only
def unreport() -> ResponseReturnValue:
    host = request.form.get("host", "")
    if not host or len(host) > MAX_HOST:
        abort(400)
    with notices.refusals_to(notices.said):
        _change("list_unreport", host=host)
        notices.said(_("%(host)s is taken off this list. What was opened stays open.", host=plain(host, 80)))
    return redirect(url_for("lists.show", _anchor="wrong"), 303)


def _one(key: str, lists: Lists) -> Source:
    one = lists.of(key)
    if one is None:
        abort(404)
    return one


def _was(count: int) -> list[str]:
    parts = request.form.get("was", "")[: URL_LIMIT + 2 * NAME_LIMIT].split(" ", count - 1)
    if len(parts) != count or not all(parts):
        abort(400)
    return parts


def _change(do: str, **values: object) -> dict[str, Any]:
    return daemon().change(do, by=guardian() or "", origin=source_address(), **values)


def _back() -> ResponseReturnValue:
    return redirect(url_for("lists.show"), 303)
