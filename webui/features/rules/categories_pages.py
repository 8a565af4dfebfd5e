"""The page of categories of sites for a child: blocked, needs approval, uses daily time, or allowed."""

from __future__ import annotations

from flask import Blueprint, request, url_for
from flask.typing import ResponseReturnValue

from webui.accounts.session import guardians_only
from webui.language.i18n import gettext as _
from webui.language.words import plain
from webui.rules.editing import NOTHING, FormResult, Page, change, opened, render

blueprint = Blueprint("kinds", __name__, url_prefix="/parent/child/<profile>/kinds")

ACTIONS = ("block", "ask", "count", "allow")


@blueprint.get("/")
@guardians_only
def show(profile: str) -> ResponseReturnValue:
    return _show(opened(profile), NOTHING)


@blueprint.post("/")
@guardians_only
def save(profile: str) -> ResponseReturnValue:
    page = opened(profile)
    changes: dict[str, object] = {}
    for kind in page.names.kinds:
        key, chosen = f"categories/{kind}", request.form.get(kind, "")
        if chosen in ACTIONS and chosen != _held(page, kind):
            changes[key] = None if chosen == (page.book.band_says(key) or "allow") else chosen
    sentence = _("%(name)s: the categories are changed.", name=plain(page.child.name))
    return change(page, changes, sentence, url_for("kinds.show", profile=page.child.id), _show)


def _held(page: Page, kind: str) -> str:
    return str(page.book.holds(f"categories/{kind}") or "allow")


def _show(page: Page, outcome: FormResult) -> str:
    return render(
        "child_kinds.html",
        page,
        outcome,
        actions={
            "block": _("Blocked"),
            "ask": _("Needs approval"),
            "count": _("Uses daily time"),
            "allow": _("Allowed"),
        },
        chosen={kind: request.form.get(kind) or _held(page, kind) for kind in page.names.kinds},
    )
