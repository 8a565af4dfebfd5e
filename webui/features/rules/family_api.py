"""API operations for the settings of the home, which are in its own file."""

from __future__ import annotations

from datetime import datetime

from gateway.control.contract.rules import (
    EDIT_FAMILY,
    FAMILY,
    UNEDIT_FAMILY,
    Edited,
    EditFamilyRequest,
    FamilySettings,
    Unedited,
    UneditFamilyRequest,
)
from gateway.control.schema import record
from webui.api.operations import Noun
from webui.api.who import Caller
from webui.features.rules.rules_api import undo_of
from webui.front import trusted

noun = Noun("family")


@record
class TrustedName:
    """The home's name for HTTPS, with a certificate that browsers trust; empty: none.

    `good`: the pages are available there, until the end of the certificate. `problem` is in English.
    """

    name: str
    good: bool
    until: datetime | None
    problem: str


@record
class FamilyResponse(FamilySettings):
    trusted: TrustedName  # from the gateway's own settings; not a key of `set`


@noun.declare("GET", "/family", answer=FamilyResponse)
def read(me: Caller) -> object:
    """Return the home's settings: location, language, new devices, sharing, allowed VPNs, trusted name."""
    name = trusted()
    trusted_name = TrustedName(name=name.name, good=name.good, until=name.until, problem=name.problem)
    return FamilyResponse(**vars(me.ask(FAMILY)), trusted=trusted_name)


@noun.declare("PATCH", "/family", body=EditFamilyRequest, answer=Edited)
def edit(me: Caller, body: EditFamilyRequest) -> object:
    """Change settings of the home by key; null restores the default."""
    values: dict[str, object] = {} if body.revision is None else {"revision": body.revision}
    return me.change(EDIT_FAMILY, set=dict(body.set), **values)


@noun.declare("POST", "/family/undo", body=UneditFamilyRequest, answer=Unedited)
def undo(me: Caller, body: UneditFamilyRequest) -> object:
    """Restore the home's settings as they were at that `revision`.

    It fails if the current revision is another than `found`.
    """
    return me.change(UNEDIT_FAMILY, **undo_of(body))
