"""The page of a country's legal rules for one child, each with an explanation and a switch."""

from __future__ import annotations

from flask import Blueprint, abort, redirect, request, url_for
from flask.typing import ResponseReturnValue

from gateway.control.contract.rules import COUNTRY, CountryLaw
from webui.accounts.session import guardians_only
from webui.daemon import daemon
from webui.language.i18n import gettext as _
from webui.language.words import plain
from webui.rules.editing import NOTHING, at_once, opened, render
from webui.rules.laws import describe_law, in_language, named, source, standing

blueprint = Blueprint("laws", __name__, url_prefix="/parent/child/<profile>/laws")


@blueprint.get("/")
@guardians_only
def show(profile: str) -> ResponseReturnValue:
    page = opened(profile)
    return render(
        "child_laws.html",
        page,
        NOTHING,
        laws=_laws(),
        on=page.book.state.rules.get("laws") or {},
        standing=standing,
        in_language=in_language,
        source=source,
        describe_law=describe_law,
        listed=lambda targets: [page.names.called(target) for target in targets],
    )


@blueprint.post("/")
@guardians_only
def save(profile: str) -> ResponseReturnValue:
    """Turn one of the country's legal rules on or off for a child, and redirect to the page.

    The daemon records which guardian turned it on. Form field ``switch``: ``on ID`` or ``off ID``.
    """
    page = opened(profile)
    to, _space, key = request.form.get("switch", "").partition(" ")
    law = _law(key)
    if to not in ("on", "off"):
        abort(400)
    back = url_for("laws.show", profile=page.child.id)
    if (law.id in (page.book.state.rules.get("laws") or {})) is (to == "on"):  # sent twice
        return redirect(back, 303)
    values = {"law": law.name, "name": plain(page.child.name)}
    sentence = (
        _("%(law)s: on for %(name)s.", **values) if to == "on" else _("%(law)s: off for %(name)s.", **values)
    )
    return at_once(page, {f"laws/{law.id}": True if to == "on" else None}, sentence, back)


def _laws() -> tuple[CountryLaw, ...]:
    return tuple(map(named, daemon().client.ask(COUNTRY).laws))


def _law(key: str) -> CountryLaw:
    found = next((law for law in _laws() if law.id == key), None)
    if found is None:
        abort(400)
    return found
