"""Pages of services: all by group, and one, which is allowed or blocked, with its limits and schedules."""

from __future__ import annotations

from flask import Blueprint, abort, request, url_for
from flask.typing import ResponseReturnValue

from gateway.control.contract.rules import CatalogueService
from webui.accounts.session import guardians_only
from webui.forms import one_of
from webui.language.i18n import gettext as _
from webui.language.spelling import Query, closest
from webui.language.words import plain
from webui.rules import sentences as say
from webui.rules.catalogue import tone
from webui.rules.editing import NOTHING, FormResult, Page, change, opened, render
from webui.rules.entries import ALLOW, BLOCK, out_of, put
from webui.rules.overview import Rule, rule

blueprint = Blueprint("services", __name__, url_prefix="/parent/child/<profile>/services")

ACTIONS = ("block", "ask", "count", "allow")  # from strict to lenient
STATES = ("kind", "open", "count", "ask", "refused")
# The state by the service's own action.
STATE_OF = {"allow": "open", "count": "count", "ask": "ask", "block": "refused"}
SEARCH_LIMIT = 60  # characters of a search
SHOWN = 60  # services on one page; with more results the page asks for a longer search


@blueprint.get("/")
@guardians_only
def show(profile: str) -> ResponseReturnValue:
    """Show the groups of services, the services of one group, or the results of a search.

    Query ``group``: the group's id, or 404; ``q``: the search. A page with all services would be large.
    """
    page = opened(profile)
    wanted = plain(" ".join(request.args.get("q", "").split()), SEARCH_LIMIT)
    group = request.args.get("group", "")
    if group and group not in page.names.groups:
        abort(404)
    found = page.names.search(wanted) if wanted else ()
    groups = page.names.grouped(tuple(page.names.services.values()))
    own = tuple(service for service in page.names.services.values() if _has_rules(page, service))
    return render(
        "child_services.html",
        page,
        wanted=wanted,
        group=group,
        more=max(0, len(found) - SHOWN),
        found=found[:SHOWN],
        matching_groups=tuple(
            closest(Query.of(wanted), {key: page.names.groups.get(key, key) for key in groups})
        ),
        groups=groups,
        own=own,
        tone=tone,
        summary_of=lambda service: _summary(page, service),
    )


@blueprint.get("/<service>")
@guardians_only
def one(profile: str, service: str) -> ResponseReturnValue:
    page = opened(profile)
    return _show(page, _service(page, service), NOTHING)


@blueprint.post("/<service>")
@guardians_only
def save(profile: str, service: str) -> ResponseReturnValue:
    page = opened(profile)
    found, state = _service(page, service), one_of("state", STATES)
    values = _values(page, found)
    sentence = {
        "kind": _("%(what)s: same as its category for %(name)s.", **values),
        "open": _("%(what)s is allowed for %(name)s.", **values),
        "count": _("%(what)s uses the daily time of %(name)s.", **values),
        "ask": _("%(name)s must ask for %(what)s.", **values),
        "refused": _("%(what)s is blocked for %(name)s.", **values),
    }[state]
    changes = _changes(page, found, state)
    back = url_for("services.one", profile=page.child.id, service=found.id)
    return change(page, changes, sentence, back, lambda page, outcome: _show(page, found, outcome))


def _changes(page: Page, service: CatalogueService, state: str) -> dict[str, object]:
    """Return the changes of rules that give a service a state of STATES; empty if it has that state.

    Its entry is then in the list of allowed or blocked targets, in ``categories``, or nowhere (``kind``).
    """
    word = f"service:{service.id}"
    if state == _state(page, service):
        return {}
    if state in ("ask", "count"):
        return out_of(page.book, word) | {f"categories/{word}": state}
    if state == "kind":
        return out_of(page.book, word)
    return put(page.book, ALLOW if state == "open" else BLOCK, word)


def _values(page: Page, service: CatalogueService) -> dict[str, str]:
    return {"what": service.name, "name": plain(page.child.name)}


def _service(page: Page, service: str) -> CatalogueService:
    found = page.names.services.get(service)
    if found is None:
        abort(404)
    return found


def _state(page: Page, service: CatalogueService) -> str:
    word = f"service:{service.id}"
    if word in page.book.listed(BLOCK):
        return "refused"
    if word in page.book.listed(ALLOW):
        return "open"
    return STATE_OF.get(str(page.book.holds(f"categories/{word}")), "kind")


def _has_rules(page: Page, service: CatalogueService) -> bool:
    word = f"service:{service.id}"
    return _state(page, service) != "kind" or any(
        page.book.owns(f"{key}/{word}") and page.book.holds(f"{key}/{word}") for key in ("limits", "windows")
    )


def _summary(page: Page, service: CatalogueService) -> str:
    """Return in a few words how a service is treated for a child, for a list of services."""
    state = _state(page, service)
    if state == "refused":
        return _("Blocked")
    limited = any(page.book.holds(f"{key}/service:{service.id}") for key in ("limits", "windows"))
    if state == "ask":
        return _("Child must ask")
    if limited:
        return _("Allowed, with limits")
    if state == "count":
        return _("Uses daily time")
    return _("Open") if state == "open" else _as_kind(page, service)


def _as_kind(page: Page, service: CatalogueService) -> str:
    return {
        "block": _("Blocked by category"),
        "ask": _("Child must ask"),
        "count": _("Uses daily time"),
    }.get(_strictest(page, service)[1]) or _("Same as its category")


def _strictest(page: Page, service: CatalogueService) -> tuple[str, str]:
    """Return the category of a service with the strictest rule, and that rule's action, which decides.

    An empty category and ``allow`` for a service without categories.
    """
    said = [(kind, str(page.book.holds(f"categories/{kind}") or "allow")) for kind in service.categories]
    return min(said, key=lambda pair: ACTIONS.index(pair[1]), default=("", "allow"))


def _rules(page: Page, service: CatalogueService) -> dict[str, Rule | None]:
    """Return a service's limit (``limits``) and schedule (``windows``) as sentences.

    None for a missing one.
    """
    keys = {key: f"{key}/service:{service.id}" for key in ("limits", "windows")}
    return {
        key: rule(page.book, page.names, full) if page.book.holds(full) is not None else None
        for key, full in keys.items()
    }


def _show(page: Page, service: CatalogueService, outcome: FormResult) -> str:
    kind, action = _strictest(page, service)
    return render(
        "child_service.html",
        page,
        outcome,
        service=service,
        kind=say.kind(page.names.called(f"category:{kind}"), action) if kind else "",
        state_now=request.form.get("state") or _state(page, service),
        rules=_rules(page, service),
    )
