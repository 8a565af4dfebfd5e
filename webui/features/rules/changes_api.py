"""The API operation that lists guardians' changes, each with the values that undo it."""

from __future__ import annotations

from collections.abc import Iterable

from gateway.control.contract.rules import CHANGES, FamilyChange, UndoAction
from gateway.control.schema import record
from webui.api.operations import Noun
from webui.api.who import Caller

noun = Noun("home")


@record
class Change(FamilyChange):
    grant: int | None  # id of the extra time, for its withdrawal
    revision: int | None  # revision of rules or settings that an undo restores, if possible
    found: int | None  # current revision, to send with the undo
    token: str | None  # restores a removed person


@record
class Changes:
    changes: tuple[Change, ...]


@noun.declare("GET", "/home/changes", answer=Changes)
def changes(me: Caller) -> object:
    """List guardians' changes in effect, and today's extra time and edits of rules, with what undoes each."""
    return with_undo(me.ask(CHANGES).changes)


def with_undo(found: Iterable[FamilyChange]) -> Changes:
    """Return the changes in the API's form, in which the values of ``undo`` are fields of the change."""
    return Changes(changes=tuple(map(_change, found)))


def _change(change: FamilyChange) -> Change:
    undo = change.undo or UndoAction(do="")
    values = vars(change) | {"name": change.name or ""}
    return Change(**values, grant=undo.grant, revision=undo.revision, found=undo.found, token=undo.token)
