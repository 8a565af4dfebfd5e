"""What stands in the home's own file."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from webui.api.operations import Noun
from webui.api.records import record
from webui.api.rules import Edited, LastSet, Revision, Undo, Undone, undo_of
from webui.api.who import Caller
from webui.front import trusted

noun = Noun("family")


@record
class TrustedName:
    """The home's name that browsers trust; empty: it has none. `good`: the pages are met there now, until the
    end of the certificate. `problem` is in English.
    """

    name: str
    good: bool
    until: datetime | None
    problem: str


@record
class OfRouter:
    """What the router's own settings decide (`uci`): it changes there alone."""

    option: str
    value: str
    file: str


@record
class Family:
    country: str
    timezone: str
    language: str | None
    unknown_devices: Any
    interfaces: Any
    keep_profile: Any
    lists: Any
    shared: Mapping[str, Any] | None
    managed: Mapping[str, Any] | None
    router: tuple[OfRouter, ...]
    set: LastSet | None
    revision: int
    trusted: TrustedName  # of the gateway's own settings, and no key of `set`


@record
class FamilyEdit:
    set: Mapping[str, Any]
    revision: Revision | None = None


@noun.declare("GET", "/family", answer=Family)
def read(me: Caller) -> object:
    """Place, language, what new devices get, shared devices, tunnels that stay open, and the trusted name."""
    name = trusted()
    until = None if name.until is None else name.until.isoformat()
    told = {"name": name.name, "good": name.good, "until": until, "problem": name.problem}
    return {**me.ask("family"), "trusted": told}


@noun.declare("PATCH", "/family", body=FamilyEdit, answer=Edited)
def edit(me: Caller, body: FamilyEdit) -> object:
    """Change it by key."""
    values: dict[str, object] = {} if body.revision is None else {"revision": body.revision}
    return me.change("edit_family", set=dict(body.set), **values)


@noun.declare("POST", "/family/undo", body=Undo, answer=Undone)
def undo(me: Caller, body: Undo) -> object:
    """As it was at that revision, where it is at `found` still."""
    return me.change("unedit_family", **undo_of(body))
