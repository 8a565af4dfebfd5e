"""Pages of the users who may sign in: guardians, helpers and the provider's support. Only for guardians."""

from __future__ import annotations

import time

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from gateway.control.contract.accounts import PersonAccount
from gateway.policy.accounts.people import MINUTES_LIMIT, NAME_LIMIT, REMOVED, PersonRole
from webui import notices
from webui.accounts import session
from webui.accounts.proofs import proven, proven_when
from webui.accounts.session import guardians_only
from webui.charts import qr
from webui.daemon import daemon
from webui.features.time.sheets import Sheet, sheets
from webui.forms import one_of, whole
from webui.language.i18n import gettext as _
from webui.language.words import plain

blueprint = Blueprint("people", __name__, url_prefix="/parent/people")

MINUTES = (15, 30, 45, 60, 90, 120, MINUTES_LIMIT)  # that a helper may give to a child each day


@blueprint.get("/")
@guardians_only
def show() -> ResponseReturnValue:
    home, answer = daemon().home(), session.ask("people")
    return render_template(
        "people.html",
        home=home,
        me=session.signed_in(),
        guardian=session.guardian(),
        notice=notices.current(home),
        people=[(person, _minutes_offered(person)) for person in answer.people],
        proposals=answer.proposals,
        minutes_offered=MINUTES,
    )


def _minutes_offered(person: PersonAccount) -> tuple[int, ...]:
    """Return the choices of how many minutes a helper may give each day, including the current ones."""
    return tuple(sorted({*MINUTES, person.minutes or MINUTES[1]}))


@blueprint.post("/invite")
@guardians_only
@proven
def invite() -> ResponseReturnValue:
    """Create a sign-in link for a new user, or with ``again`` another one for a known user.

    A guardian who has signed in before gets none. Redirect to the link's page, which shows it for ten
    minutes; after an error to the users' page.
    """
    name = _name()
    if request.form.get("again"):
        return _invited(name, again=True)
    return _invited(name, **_role(PersonRole))


def _invited(name: str, **values: object) -> ResponseReturnValue:
    where = url_for("people.show")
    with notices.refusals_to(notices.said):
        answer = session.ask("invite", name=name, **values)
        sheet = Sheet(session.guardian() or "", (answer.token,), 0, answer.guardian, None)
        where = url_for("people.link", key=sheets().put(sheet, time.monotonic()))
    return redirect(where, 303)


@blueprint.get("/link/<key>")
@guardians_only
def link(key: str) -> ResponseReturnValue:
    """Show a new sign-in link by the key of its sheet, for ten minutes; then status 410.

    No other page shows it.
    """
    found = sheets().get(key, session.guardian() or "", time.monotonic())
    address = url_for("door.sign_in", code=found.codes[0], _external=True) if found else ""
    page = render_template(
        "invited.html",
        home=daemon().home(),
        guardian=session.guardian(),
        sheet=found,
        address=address,
        qr=qr.draw(address, _("QR code of the link")) if found else "",
    )
    return page, 200 if found else 410


@blueprint.post("/change")
@guardians_only
@proven
def change() -> ResponseReturnValue:
    """Change a user's role, or remove the user, and redirect to the list of users.

    For another guardian this is a proposal, which that guardian must accept. Guardians who change their own
    role are redirected to the home page of the new one.
    """
    name, values = _name(), _role((*PersonRole, REMOVED))
    with notices.refusals_to(notices.said):
        proposed = session.ask("change", name=name, **values).proposed
        if proposed:
            notices.said(_("%(name)s is asked. Nothing changes without a yes.", name=plain(name)))
        elif values["role"] == REMOVED:
            notices.said(_("%(name)s can no longer sign in here.", name=plain(name)))
        else:
            notices.said(_("The role of %(name)s is changed.", name=plain(name)))
    user = session.person_again()
    return redirect(url_for("people.show" if user and user.guards else "door.arrive"), 303)


@blueprint.post("/answer")
@guardians_only
@proven_when(lambda: request.form.get("answer") == "yes")
def answer() -> ResponseReturnValue:
    """Accept or reject a proposed change of the user's own role, or withdraw a proposal by this user."""
    said = one_of("answer", ("yes", "no"))
    with notices.refusals_to(notices.said):
        session.ask("answer", name=_name(), answer=said, **_proposed() if said == "yes" else {})
        notices.said(_("Done.") if said == "yes" else _("Nothing is changed."))
    return redirect(url_for("door.arrive" if said == "yes" else "people.show"), 303)


def _proposed() -> dict[str, object]:
    """Return role and minutes of a proposed change from the form, which showed them to the user.

    The answer applies only to a proposal with these values. Responds with 400 for other values.
    """
    values: dict[str, object] = {"role": one_of("role", [*PersonRole, REMOVED])}
    return values | {"minutes": whole("minutes", 0, MINUTES_LIMIT)}


def _name() -> str:
    """Return the typed name of a user with single spaces; ``-`` if it is empty.

    The daemon rejects an invalid name with an explanation.
    """
    return " ".join(request.form.get("name", "").split())[:NAME_LIMIT] or "-"


def _role(allowed: tuple[str, ...] | type[PersonRole]) -> dict[str, object]:
    role = one_of("role", [str(word) for word in allowed])
    if role != PersonRole.HELPER:
        return {"role": role}
    minutes = request.form.get("minutes", "")
    known = minutes.isascii() and minutes.isdigit() and int(minutes[:4]) <= MINUTES_LIMIT
    return {"role": role, "minutes": int(minutes) if known else MINUTES[1]}
