"""The settings of the home's own file."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from gateway.control.schema import record
from webui.api.operations import Noun
from webui.api.rules import Edited, LastSet, Revision, Undo, Undone, undo_of
from webui.api.who import Caller
from webui.front import trusted

noun = Noun("family")


@record
class TrustedName:
    """The home's name with a certificate that browsers trust; empty: none. `good`: the pages are available
    there, until
    the end of the certificate. `problem` is in English.
    """

    name: str
    good: bool
    until: datetime | None
    problem: str


@record
class OfRouter:
    """Settings of the router (`uci`), which can only be changed there."""

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
    trusted: TrustedName  # from the gateway's own settings; not a key of `set`


@record
class FamilyEdit:
    set: Mapping[str, Any]
    revision: Revision | None = None


@noun.declare("GET", "/family", answer=Family)
def read(me: Caller) -> object:
    """Return location, language, defaults for new devices, shared devices, allowed VPNs, and the trusted
    name.
    """
    name = trusted()
    until = None if name.until is None else name.until.isoformat()
    trusted_name = {"name": name.name, "good": name.good, "until": until, "problem": name.problem}
    return {**me.ask("family"), "trusted": trusted_name}


@noun.declare("PATCH", "/family", body=FamilyEdit, answer=Edited)
def edit(me: Caller, body: FamilyEdit) -> object:
    """Change settings by key."""
    values: dict[str, object] = {} if body.revision is None else {"revision": body.revision}
    return me.change("edit_family", set=dict(body.set), **values)


@noun.declare("POST", "/family/undo", body=Undo, answer=Undone)
def undo(me: Caller, body: Undo) -> object:
    """Restore that revision, if the file is still at `found`."""
    return me.change("unedit_family", **undo_of(body))
