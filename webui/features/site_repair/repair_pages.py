"""Pages of site repair: open a site for five minutes, show the names that it needs, allow the ticked ones."""

from __future__ import annotations

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from gateway.control.client import Unreachable
from gateway.control.contract.site_repair import END_REPAIR, SITE_REPAIR, START_REPAIR, RepairEnded
from gateway.core.errors import ControlError
from webui import notices
from webui.accounts.session import guardian, guardians_only
from webui.child_lookup import child_of
from webui.daemon import daemon, source_address
from webui.features.site_repair.repair_text import NONE, SiteRepairView
from webui.features.status.home_text import ChildView
from webui.forms import one_of
from webui.language.i18n import gettext as _
from webui.language.i18n import ngettext
from webui.language.words import plain
from webui.rules import typed
from webui.rules.editing import (
    NOTHING,
    FormProblem,
    FormResult,
    Page,
    opened,
    problem_of,
    refused,
    render,
    without_www,
)

blueprint = Blueprint("site_repair", __name__, url_prefix="/parent/child/<profile>/teach")

ALL = "all"  # the form's value for all devices of the child


@blueprint.get("/")
@guardians_only
def show(profile: str) -> ResponseReturnValue:
    return _show(opened(profile), NOTHING)


@blueprint.get("/now")
@guardians_only
def now(profile: str) -> ResponseReturnValue:
    """Return the state of a child's site repair as an HTML fragment, for the script that updates the page."""
    home = daemon().home()
    child = child_of(home, profile)
    return render_template("site_repair_now.html", home=home, child=child, site_repair=_repair(child.id))


@blueprint.post("/")
@guardians_only
def begin(profile: str) -> ResponseReturnValue:
    page = opened(profile)
    device = one_of("device", {ALL, *(other.mac for other in page.child.devices)})
    try:
        host = without_www(page.child, typed.site(request.form.get("host", "")))
        chosen: dict[str, object] = {} if device == ALL else {"device": device}
        daemon().change(
            START_REPAIR, id=page.child.id, host=host, by=guardian() or "", origin=source_address(), **chosen
        )
    except typed.UnknownTargetError as error:
        return refused(page, FormProblem(str(error), "host"), _show)
    except Unreachable:
        raise
    except ControlError as error:
        return _show(page, FormResult(problem_of(error))), 422
    notices.forget()
    return redirect(url_for("site_repair.show", profile=page.child.id), 303)


@blueprint.post("/end")
@guardians_only
def end(profile: str) -> ResponseReturnValue:
    child = child_of(daemon().home(), profile)
    repair = _repair(child.id)
    if repair is None or repair.mark != request.form.get("repair"):
        notices.said(_("This repair is over. There is nothing left to keep."))
        return redirect(url_for("site_repair.show", profile=child.id), 303)
    keep = _chosen(repair) if one_of("do", {"keep", "none"}) == "keep" else []
    with notices.refusals_to(notices.said):
        done = daemon().change(
            END_REPAIR, id=child.id, keep=keep, by=guardian() or "", origin=source_address()
        )
        _tell(child, repair, done)
    return redirect(url_for("sites.show", profile=child.id), 303)


def device_at_hand(child: ChildView) -> str:
    """Return the MAC address of a child's first device that is online, the form's default.

    ``all`` if none is.
    """
    return next((device.mac for device in child.devices if device.online), ALL)


def _repair(profile: str) -> SiteRepairView | None:
    """Return the child's site repair that runs, or has names that wait to be saved; None without one."""
    found = daemon().client.ask(SITE_REPAIR, id=profile)
    return None if found.state == NONE else SiteRepairView(found)


def _chosen(repair: SiteRepairView) -> list[str]:
    """Return the host names that are ticked in the form, to be allowed.

    It sends their numbers, because names may be too long. Responds with 400 for an unknown number,
    or that of a name that the repair did not open.
    """
    open_names = {str(name.number): name.needed.name for name in repair.names if not name.needed.refused}
    ticked = request.form.getlist("keep")
    if any(number not in open_names for number in ticked):
        abort(400)
    return [open_names[number] for number in dict.fromkeys(ticked)]


def _tell(child: ChildView, repair: SiteRepairView, answer: RepairEnded) -> None:
    entries, name, host = answer.entries, plain(child.name), plain(repair.host, 80)
    if answer.undo is None:
        notices.said(_("The repair is over. Nothing of %(host)s is kept for %(name)s.", host=host, name=name))
        return
    sentence = ngettext(
        "%(host)s stays allowed for %(name)s, with what it needed: %(num)d entry in the list.",
        "%(host)s stays allowed for %(name)s, with what it needed: %(num)d entries in the list.",
        len(entries),
        host=host,
        name=name,
    )
    notices.edited(child.id, answer, sentence)


def _show(page: Page, outcome: FormResult) -> str:
    return render(
        "site_repair.html",
        page,
        outcome,
        site_repair=_repair(page.child.id),
        typed=request.values.get("host", ""),
        chosen=request.form.get("device", device_at_hand(page.child)),
    )
