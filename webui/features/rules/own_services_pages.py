"""Pages of the services that a family defines: the list, and a form for one."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from gateway.control.client import Unreachable
from gateway.control.contract.rules import EDIT_FAMILY, FAMILY, FamilySettings
from gateway.core.errors import ControlError
from webui import notices
from webui.accounts.session import guardian, guardians_only
from webui.daemon import daemon, source_address
from webui.language import refusals
from webui.language.i18n import gettext as _
from webui.language.words import plain

blueprint = Blueprint("own_services", __name__, url_prefix="/parent/services")

NAME_LIMIT = 40  # characters
TEXT_LIMIT = 4000  # characters of the sites or addresses of one service
ID_LIMIT = 40  # characters
LINES = {"domains": "sites", "addresses": "addresses"}  # key of the file → field of the form
PORTS = ("tcp", "udp")


@blueprint.get("/")
@guardians_only
def show() -> ResponseReturnValue:
    return _page("", {})


@blueprint.get("/<service>")
@guardians_only
def one(service: str) -> ResponseReturnValue:
    return _page(service, _form_of(_known(_family(), service)))


@blueprint.post("/")
@guardians_only
def add() -> ResponseReturnValue:
    family, name = _family(), _name()
    taken = {*family.services, *daemon().catalogue().services}
    sentence = _(
        "%(name)s is a service now. Its rules are on the page of each child, under Services.", name=name
    )
    return _save(family, "", _new_id(name, taken), {}, sentence)


@blueprint.post("/<service>")
@guardians_only
def save(service: str) -> ResponseReturnValue:
    family = _family()
    if service not in family.services:  # the form for a new service keeps what was typed
        text = _("This service was removed in the meantime. What you typed is kept.")
        return _page("", _sent(), text), 409
    sentence = _("%(name)s is changed.", name=_name())
    return _save(family, service, service, _known(family, service), sentence)


@blueprint.post("/<service>/remove")
@guardians_only
def remove(service: str) -> ResponseReturnValue:
    family = _family()
    if service not in family.services:  # sent twice: keep the notice of the first, with its undo
        return redirect(url_for("own_services.show"), 303)
    name = plain(str(family.services[service].get("name", service)))
    with notices.refusals_to(notices.said):
        _set(family, service, None, _("%(name)s is removed.", name=name))
    return redirect(url_for("own_services.show"), 303)


def _family() -> FamilySettings:
    return daemon().client.ask(FAMILY)


def _known(family: FamilySettings, service: str) -> Mapping[str, Any]:
    if service not in family.services:
        abort(404)
    return family.services[service]


def _name() -> str:
    return plain(" ".join(request.form.get("name", "").split()), NAME_LIMIT)


def _new_id(name: str, taken: Collection[str]) -> str:
    """Return an unused id for a new service: its name in ASCII letters and digits, with a number if needed.

    It is ``own`` with a number for a name without these. ``taken``: the ids in use.
    """
    base = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[: ID_LIMIT - 4] or "own"
    numbered = (f"{base}-{number}" for number in range(2, len(taken) + 3))
    return base if base not in taken and base != "own" else next(key for key in numbered if key not in taken)


def _save(
    family: FamilySettings, shown: str, service: str, was: Mapping[str, Any], sentence: str
) -> ResponseReturnValue:
    """Write the service in the form to the home's settings, and redirect to the list of services.

    After an error, show the form again (422). ``shown``: the id in the page's address; empty: a new service.
    ``service``: the id to write. ``was``: the service as it is. Keys that the form does not have stay.
    """
    try:
        _set(family, service, _from_form(was), sentence)
    except Unreachable:
        raise
    except ControlError as error:
        return _page(shown, _sent(), refusals.sentence(error)), 422
    return redirect(url_for("own_services.show"), 303)


def _set(family: FamilySettings, service: str, value: object, sentence: str) -> None:
    """Set or remove (None) one of the family's services, with an undo. Raises: ControlError."""
    author = {"by": guardian() or "", "origin": source_address()}
    done = daemon().change(EDIT_FAMILY, set={f"services/{service}": value}, **author)
    if family.by_hand:
        sentence = f"{sentence} {_('The notes are removed. The gateway keeps a copy.')}"
    notices.edited_home(done, sentence)


def _from_form(was: Mapping[str, Any]) -> dict[str, Any]:
    """Return the service in the request's form as a value of the settings file.

    ``was``: the service as it is.
    """
    ports = dict(was.get("ports", {})) | {kind: _words(kind) for kind in PORTS}
    values: dict[str, Any] = {
        **was,
        "name": _name(),
        **{key: _words(field) for key, field in LINES.items()},
        "categories": request.form.getlist("category"),
        "ports": {kind: spans for kind, spans in ports.items() if spans},
    }
    return {key: value for key, value in values.items() if value or key == "name"}


def _words(field: str) -> list[str]:
    return request.form.get(field, "")[:TEXT_LIMIT].lower().replace(",", " ").split()


def _sent() -> dict[str, Any]:
    """Return the fields of the service form as they were sent, to show them again."""
    texts = {field: request.form.get(field, "")[:TEXT_LIMIT] for field in (*LINES.values(), *PORTS)}
    return {"name": _name(), "categories": request.form.getlist("category"), **texts}


def _form_of(service: Mapping[str, Any]) -> dict[str, Any]:
    """Return the form's fields for a service that is given as a value of the settings file."""
    ports = service.get("ports", {})
    return {
        "name": service.get("name", ""),
        "categories": service.get("categories", ()),
        **{field: "\n".join(map(str, service.get(key, ()))) for key, field in LINES.items()},
        **{kind: " ".join(map(str, ports.get(kind, ()))) for kind in PORTS},
    }


def _page(service: str, form: Mapping[str, Any], problem: str = "") -> str:
    home, family = daemon().home(), _family()
    return render_template(
        "own_services.html",
        home=home,
        guardian=guardian(),
        notice=notices.current(home),
        services={key: str(found.get("name", key)) for key, found in family.services.items()},
        service=service,
        form=form,
        problem=problem,
        kinds=daemon().catalogue().kinds,
        name_limit=NAME_LIMIT,
        text_limit=TEXT_LIMIT,
    )
