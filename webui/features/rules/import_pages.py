"""Imports a child's rules from another home: describes them, and applies them to a new or existing child."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from gateway.control.client import Unreachable
from gateway.control.contract.rules import ADD_PROFILE, EDIT, REMOVE_PROFILE
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from webui import notices
from webui.accounts.session import author, guardian, guardians_only
from webui.daemon import daemon, source_address
from webui.features.status.home_text import HomeView
from webui.forms import back as back_to
from webui.language.i18n import gettext as _
from webui.language.words import plain
from webui.rules import carried
from webui.rules.carried import Carried, Fitted, NotRulesError
from webui.rules.catalogue import CatalogueIndex
from webui.rules.editing import (
    confirmation,
    is_confirmed,
    opened,
    problem_of,
    redirect_adult,
    rules_or_home,
)
from webui.rules.overview import Rule, rules

blueprint = Blueprint("importing", __name__, url_prefix="/parent/import")

NEW = "new"
FORM_LIMIT = carried.FILE_LIMIT + 8 * 1024  # bytes, including the form around the file
SHOWN = 200  # unknown names of an import that the page lists


@dataclass(frozen=True, slots=True)
class Looked:
    """Rules from another home: their code, the part that this home can apply, and its rules as sentences."""

    code: str
    fitted: Fitted
    rules: tuple[Rule, ...]

    @property
    def carried(self) -> Carried:
        return self.fitted.carried


@blueprint.get("/")
@guardians_only
def show() -> ResponseReturnValue:
    """Show the form for importing rules, or the rules in query ``r``, a code that a phone's camera read."""
    text = request.args.get("r", "")
    return _look(text) if text else _show(daemon().home())


@blueprint.post("/")
@guardians_only
def look() -> ResponseReturnValue:
    """Show the rules from another home in an uploaded file or a pasted text. Nothing is changed.

    Responds with 422 and a message if they are no rules, too long, or refused by the daemon.
    """
    request.max_content_length = FORM_LIMIT
    upload = request.files.get("file")
    data = upload.stream.read(carried.FILE_LIMIT + 1) if upload else b""
    if len(data) > carried.FILE_LIMIT:
        return _show(daemon().home(), problem=carried.too_long()), 422
    return _look(data.decode("utf-8", "replace") if data else request.form.get("text", ""))


@blueprint.post("/take")
@guardians_only
def take() -> ResponseReturnValue:
    request.max_content_length = FORM_LIMIT
    home, names = daemon().home(), daemon().catalogue()
    text = request.form.get("code", "")
    try:
        found = _looked(carried.read(text), names)
    except NotRulesError:
        abort(400)
    to = request.form.get("to", "")
    if to == NEW:
        return _added(home, found)
    redirect_adult(home, to)
    if home.child(to) is None:
        abort(400)
    return _replaced(home, found, to)


@blueprint.post("/undo")
@guardians_only
def undo() -> ResponseReturnValue:
    """Remove the child that an import of rules has created. Form field ``was``: its id."""
    with notices.refusals_to(notices.said):
        who = request.form.get("was", "")[:60]
        daemon().change(REMOVE_PROFILE, id=who, **author())
        notices.said(_("These rules are removed again."))
    return redirect(back_to(url_for("importing.show")), 303)


def _look(text: str) -> ResponseReturnValue:
    home, names = daemon().home(), daemon().catalogue()
    try:
        found = _looked(carried.read(text), names)
        _try(home, found.carried)
    except NotRulesError as error:
        return _show(home, problem=str(error)), 422
    except Unreachable:
        raise
    except ControlError as error:
        return _show(home, problem=problem_of(error).sentence), 422
    return _show(home, found)


def _looked(brought: Carried, names: CatalogueIndex) -> Looked:
    fitted = carried.fitted(brought, names)
    book = carried.as_ruleset(fitted.carried, names)
    own = tuple(rule for rule in rules(book, names) if rule.own)
    return Looked(carried.to_code(brought), fitted, own)


def _try(home: HomeView, export: Carried) -> None:
    """Let the daemon check the imported rules without storing them.

    Raises: ControlError if it rejects them.
    """
    daemon().change(
        ADD_PROFILE,
        name=_free(home, export.name),
        band=export.band,
        **({"set": dict(export.rules)} if export.rules else {}),
        trial=True,
        by=guardian() or "",
        origin=source_address(),
    )


def _free(home: HomeView, name: str) -> str:
    """Return the name, with a number after it if a child of this home already has it."""
    taken = {child.name.casefold() for child in home.children}
    number, found = 2, name
    while found.casefold() in taken:
        found, number = f"{name} {number}", number + 1
    return found


def _added(home: HomeView, found: Looked) -> ResponseReturnValue:
    name = plain(" ".join(request.form.get("name", "").split()), carried.NAME_LIMIT)
    if not name:
        return _show(home, found, _("Write the name of the child.")), 422
    export = found.carried
    try:
        added = daemon().change(
            ADD_PROFILE,
            name=name,
            band=export.band,
            **({"set": dict(export.rules)} if export.rules else {}),
            by=guardian() or "",
            origin=source_address(),
        )
    except Unreachable:
        raise
    except ControlError as error:
        return _show(home, found, problem_of(error).sentence), 422
    sentence = _("%(name)s is added with these rules. Assign devices next.", name=name)
    notices.did_back("added", added.id, sentence)
    return redirect(rules_or_home(added.id, export.band), 303)


def _replaced(home: HomeView, found: Looked, to: str) -> ResponseReturnValue:
    book = daemon().ruleset(to)
    changes = carried.replacing(book, found.carried)
    address = rules_or_home(to, changes.get("band"))
    back = redirect(address, 303)
    if not changes:
        notices.said(_("%(name)s has these rules already.", name=plain(book.state.name)))
        return back
    try:
        done = daemon().change(
            EDIT,
            id=to,
            revision=book.state.revision,
            set=changes,
            **is_confirmed(),
            **author(),
        )
    except Unreachable:
        raise
    except ControlError as error:
        if error.code == Code.PROOF_NEEDED:
            raise
        if error.code == Code.CONFIRM_NEEDED:
            return confirmation(opened(to), error, address)
        status = 409 if error.code == Code.CHANGED_MEANWHILE else 422
        return _show(home, found, problem_of(error).sentence), status
    sentence = _("%(name)s has these rules now. Devices stay as they were.", name=plain(book.state.name))
    notices.edited(to, done, sentence)
    return back


def _show(home: HomeView, found: Looked | None = None, problem: str = "") -> str:
    return render_template(
        "importing.html",
        home=home,
        guardian=guardian(),
        notice=notices.current(home),
        found=found,
        problem=problem,
        left_out=[plain(name, 60) for name in found.fitted.left_out[:SHOWN]] if found else [],
        name=request.form.get("name") or (_free(home, found.carried.name) if found else ""),
        name_limit=carried.NAME_LIMIT,
    )
