"""The overview of a child's rules as sentences.

Each has a switch, a reset, and a link to the page that changes it.
"""

from __future__ import annotations

from flask import Blueprint, abort, redirect, request, url_for
from flask.typing import ResponseReturnValue

from gateway.control.contract.rules import UNEDIT
from gateway.policy.requests.requests import SITE_ONCE
from webui import notices
from webui.accounts.session import author, guardians_only
from webui.daemon import daemon
from webui.features.growing.self_set_text import describe_all
from webui.features.requests.requests_text import RequestEntry, offered, pending_of
from webui.forms import revisions
from webui.language.changes import who
from webui.language.i18n import gettext as _
from webui.language.words import plain
from webui.rules.confirmation import confirmation, needs_confirmation
from webui.rules.editing import Page, at_once, opened, render
from webui.rules.overview import Rule, overview, rules
from webui.rules.switches import switched

blueprint = Blueprint("rules", __name__, url_prefix="/parent/child/<profile>")


@blueprint.get("/")
@guardians_only
def show(profile: str) -> ResponseReturnValue:
    page = opened(profile)
    childs = daemon().rules(page.child.id)
    own = childs.self_set
    return render(
        "child_rules.html",
        page,
        requests=[RequestEntry(asked) for asked in pending_of(page.child)],
        offered=offered,
        site_once=SITE_ONCE,
        sections=overview(page.book, page.names),
        link=_link(page),
        agreement=childs.agreement,
        named=who,
        own=own,
        own_times=() if own is None else describe_all(own, page.home.now),
    )


@blueprint.post("/switch")
@guardians_only
def switch(profile: str) -> ResponseReturnValue:
    """Turn a child's rule on or off. A rule equal to the band's has no entry in the file."""
    page = opened(profile)
    to, _space, key = request.form.get("switch", "").partition(" ")
    found, on = _rule(page, key), to == "on"
    if found.on is None or to not in ("on", "off"):
        abort(400)
    if found.on is on:  # sent twice: keep the notice of the first, with its undo
        return redirect(_here(page), 303)
    if not on and needs_confirmation(page, key):
        return confirmation(page, found.title, _here(page))
    sentence = _("%(rule)s: on for %(name)s.") if on else _("%(rule)s: off for %(name)s.")
    return at_once(page, switched(page.book, found.key, on=on), sentence % _values(page, found), _here(page))


@blueprint.post("/reset")
@guardians_only
def reset(profile: str) -> ResponseReturnValue:
    """Reset a child's rule to the band's value, or remove it if the band has none.

    A rule that the family has not set stays.
    """
    page = opened(profile)
    found = _found(page, request.form.get("key", ""))
    if found is not None and found.resets:
        sentence = _("%(rule)s: as the band has it for %(name)s.")
    elif found is not None and found.removes:
        sentence = _("%(rule)s is taken out for %(name)s.")
    else:
        return redirect(_here(page), 303)
    if page.book.band_says(found.key) != "block" and needs_confirmation(page, found.key):
        return confirmation(page, found.title, _here(page))
    return at_once(page, {found.key: None}, sentence % _values(page, found), _here(page))


@blueprint.post("/undo")
@guardians_only
def undo(profile: str) -> ResponseReturnValue:
    """Restore a child's rules to their state before the last change."""
    page = opened(profile)
    with notices.refusals_to(notices.said):
        there = revisions("revision")
        daemon().change(UNEDIT, id=page.child.id, **author() | there)
        notices.said(_("The rules of %(name)s are as they were before.", name=plain(page.child.name)))
    return redirect(_here(page), 303)


def _found(page: Page, key: str) -> Rule | None:
    return next((rule for rule in rules(page.book, page.names) if rule.key == key), None)


def _rule(page: Page, key: str) -> Rule:
    found = _found(page, key)
    if found is None:
        abort(400)
    return found


def _values(page: Page, rule: Rule) -> dict[str, str]:
    return {"rule": plain(rule.title), "name": plain(page.child.name)}


def _here(page: Page) -> str:
    return url_for("rules.show", profile=page.child.id)


def _link(page: Page) -> object:
    """Return a function that returns the address of the page that changes a rule."""

    def link(rule: Rule) -> str:
        who, target = page.child.id, rule.key.partition("/")[2]
        if rule.page == "week":
            return url_for("week.show", profile=who, target=target or rule.key)
        if rule.page == "limit":
            return url_for("limits.one", profile=who, target=target)
        anchor = rule.key.replace("/", "-") if rule.page in ("kinds", "basics", "laws") else None
        return url_for(f"{rule.page}.show", profile=who, _anchor=anchor)

    return link
