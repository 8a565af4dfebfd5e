"""The audit log of changes."""

from __future__ import annotations

from typing import Annotated

from gateway.control.contract.rules import AUDIT_LOG, AUDIT_PAGE, AUDIT_SKIP, AuditLog
from gateway.control.schema import Whole, record
from webui.api.operations import Name, Noun
from webui.api.who import Caller

noun = Noun("log")


@record
class AuditLogPage:
    """The same as of the verb, but a name has the pattern of the API's document."""

    who: Name | None = None
    limit: Annotated[int, Whole(1, AUDIT_PAGE)] = AUDIT_PAGE
    skip: Annotated[int, Whole(0, AUDIT_SKIP)] = 0


@noun.declare("GET", "/audit-log", query=AuditLogPage, answer=AuditLog)
def read(me: Caller, query: AuditLogPage) -> object:
    """List changes, newest first. They are stored for a year."""
    who = {"who": query.who} if query.who else {}
    return me.ask(AUDIT_LOG, limit=query.limit, skip=query.skip, **who)
