"""The lists of sites, services and categories that are allowed, blocked or for homework.

Each entry is added or removed on its own.
"""

from __future__ import annotations

from flask import Blueprint, abort, redirect, request, url_for
from flask.typing import ResponseReturnValue

from webui.accounts.session import guardians_only
from webui.features.site_repair.repair_pages import device_at_hand
from webui.forms import one_of
from webui.language.i18n import gettext as _
from webui.language.words import plain
from webui.rules import sentences as say
from webui.rules import typed
from webui.rules.editing import (
    NOTHING,
    FormProblem,
    FormResult,
    Page,
    change,
    opened,
    refused,
    render,
    store_reason,
    without_www,
)
from webui.rules.entries import put
from webui.rules.ruleset import LISTS

blueprint = Blueprint("sites", __name__, url_prefix="/parent/child/<profile>/sites")


@blueprint.get("/")
@guardians_only
def show(profile: str) -> ResponseReturnValue:
    return _show(opened(profile), NOTHING)


@blueprint.post("/")
@guardians_only
def add(profile: str) -> ResponseReturnValue:
    page, key = opened(profile), one_of("list", LISTS)
    text = request.form.get("entry", "")
    try:
        word = without_www(page.child, typed.entry(text, page.names))
    except typed.UnknownTargetError as error:
        return refused(page, FormProblem(str(error), "entry"), _show)
    said = say.entry(key, word, page.names)
    sentence = _("%(name)s: %(rule)s.", name=plain(page.child.name), rule=said)
    return change(page, put(page.book, key, word), sentence, _here(page), _show)


@blueprint.post("/remove")
@guardians_only
def remove(profile: str) -> ResponseReturnValue:
    page = opened(profile)
    key, _slash, word = request.form.get("entry", "").partition("/")
    if key not in LISTS:
        abort(400)
    if word not in page.book.listed(key):  # sent twice: already removed
        return redirect(_here(page), 303)
    name, what = plain(page.child.name), plain(page.names.called(word))
    sentence = _("%(what)s is removed for %(name)s.", what=what, name=name)
    store_reason(page.child)
    return change(page, {f"{key}/{word}": None}, sentence, _here(page), _show)


def _here(page: Page) -> str:
    return url_for("sites.show", profile=page.child.id)


def _show(page: Page, outcome: FormResult) -> str:
    return render(
        "child_sites.html",
        page,
        outcome,
        titles={"allow": _("Open"), "block": _("Blocked"), "homework": _("For homework")},
        online=device_at_hand(page.child),
        typed=request.form.get("entry", "") if outcome is not NOTHING else request.args.get("entry", ""),
        chosen=request.form.get("list", "block"),
    )
