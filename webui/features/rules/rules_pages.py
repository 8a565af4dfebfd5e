"""The overview of a child's rules as sentences.

Each has a switch, a reset, and a link to the page that changes it.
"""

from __future__ import annotations

from flask import Blueprint, abort, redirect, request, url_for
from flask.typing import ResponseReturnValue

from gateway.control.contract.rules import UNEDIT
from gateway.policy.profile.rules import SERVICE
from gateway.policy.requests.requests import SITE_ONCE
from webui import notices
from webui.accounts.session import author, guardians_only
from webui.daemon import daemon
from webui.features.growing.self_set_text import describe_all
from webui.features.requests.requests_text import RequestEntry, offered, pending_of
from webui.forms import revisions
from webui.language.i18n import gettext as _
from webui.language.words import plain, who
from webui.rules.editing import Page, at_once, opened, render
from webui.rules.overview import Rule, overview, rules, section_of
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
        places=_places(page.child.id),
        opened=request.args.get("open", ""),
        link=lambda rule: rule_address(page.child.id, rule.key, rule.page),
        agreement=childs.agreement,
        named=who,
        own=own,
        own_times=() if own is None else describe_all(own, page.home.now),
    )


@blueprint.post("/switch")
@guardians_only
def switch(profile: str) -> ResponseReturnValue:
    """Turn a child's rule on or off. The file then has no entry for a rule equal to that of the age group.

    Form field ``switch``: ``on KEY`` or ``off KEY``; 400 for a rule without a switch. A rule that only the
    family has is gone when it is off: a second tap changes nothing.
    """
    page = opened(profile)
    to, _space, key = request.form.get("switch", "").partition(" ")
    found, on = _found(page, key), to == "on"
    if to not in ("on", "off") or (found is not None and found.on is None):
        abort(400)
    if found is None or found.on is on:  # sent twice: keep the notice of the first, with its undo
        return redirect(_here(page, key), 303)
    sentence = _("%(rule)s: on for %(name)s.") if on else _("%(rule)s: off for %(name)s.")
    return at_once(
        page, switched(page.book, found.key, on=on), sentence % _values(page, found), _here(page, found.key)
    )


@blueprint.post("/reset")
@guardians_only
def reset(profile: str) -> ResponseReturnValue:
    """Reset a child's rule to that of the age group, or remove it if the age group has none.

    A rule that the family has not set stays.
    """
    page = opened(profile)
    found = _found(page, request.form.get("key", ""))
    if found is not None and found.resets:
        sentence = _("%(rule)s: back to the age default for %(name)s.")
    elif found is not None and found.removes:
        sentence = _("%(rule)s is removed for %(name)s.")
    else:
        return redirect(_here(page, request.form.get("key", "")), 303)
    return at_once(page, {found.key: None}, sentence % _values(page, found), _here(page, found.key))


@blueprint.post("/undo")
@guardians_only
def undo(profile: str) -> ResponseReturnValue:
    """Restore a person's rules to their state before the last change, and redirect to the overview.

    The change may have made the person an adult. Redirect to Home for an adult, whose rules have no page.
    """
    with notices.refusals_to(notices.said):
        there = revisions("revision")
        daemon().change(UNEDIT, id=profile, **author() | there)
        name = daemon().ruleset(profile).state.name
        notices.said(_("The rules of %(name)s are as they were before.", name=plain(name)))
    is_child = daemon().home().child(profile) is not None
    return redirect(url_for("rules.show", profile=profile) if is_child else url_for("home.show"), 303)


def _found(page: Page, key: str) -> Rule | None:
    return next((rule for rule in rules(page.book, page.names) if rule.key == key), None)


def _values(page: Page, rule: Rule) -> dict[str, str]:
    return {"rule": plain(rule.title), "name": plain(page.child.name)}


def _here(page: Page, key: str) -> str:
    """Return the address of the overview of a child's rules, with the section of the rule ``key`` open."""
    card = section_of(key).value
    return url_for("rules.show", profile=page.child.id, open=card, _anchor=f"section-{card}")


def _places(profile: str) -> dict[str, list[tuple[str, str]]]:
    """Return titles and addresses of the pages to which each section of a child's rules links."""
    anchors = {"search": "searches", "bypass": "around", "activity": "log"}
    basics = {
        section: url_for("basics.show", profile=profile, _anchor=f"part-{card}")
        for section, card in anchors.items()
    }
    return {
        "time": [
            (_("Set a time limit"), url_for("limits.show", profile=profile)),
            (_("Set allowed hours"), url_for("week.choose", profile=profile)),
            (
                _("Flexibility"),
                url_for("basics.show", profile=profile, _anchor="part-grace"),
            ),
        ],
        "bedtime": [(_("Change bedtime"), url_for("week.show", profile=profile, target="bedtime"))],
        "sites": [
            (_("Apps and services"), url_for("services.show", profile=profile)),
            (_("Allowed and blocked sites"), url_for("sites.show", profile=profile)),
            (_("Fix a broken site"), url_for("site_repair.show", profile=profile)),
        ],
        "categories": [(_("All categories"), url_for("kinds.show", profile=profile))],
        "search": [(_("Change safe search"), basics["search"])],
        "bypass": [
            (_("Change bypass protection"), basics["bypass"]),
            (_("Bypass test"), url_for("tests.show", profile=profile, _anchor="bypass")),
        ],
        "activity": [(_("Change what is stored"), basics["activity"])],
        "person": [
            (_("Other settings"), url_for("basics.show", profile=profile)),
            (_("Laws"), url_for("laws.show", profile=profile)),
            (_("Next age group"), url_for("growing.show", profile=profile)),
            (_("Copy or share rules"), url_for("carry.show", profile=profile)),
            (_("Filter tests"), url_for("tests.show", profile=profile)),
        ],
    }


def rule_address(profile: str, key: str, page: str) -> str:
    """Return the address of the page that changes a child's rule. ``profile``: the child's id.

    ``key``: the rule's, such as ``limits/internet``. ``page``: as in `overview.PAGES`.
    """
    target = key.partition("/")[2]
    if page == "week":
        return url_for("week.show", profile=profile, target=target or key)
    if page == "limit":
        return url_for("limits.one", profile=profile, target=target)
    if target.startswith(SERVICE) and page == "kinds":
        return url_for("services.one", profile=profile, service=target.removeprefix(SERVICE))
    anchor = key.replace("/", "-") if page in ("kinds", "basics", "laws") else None
    return url_for(f"{page}.show", profile=profile, _anchor=anchor)
