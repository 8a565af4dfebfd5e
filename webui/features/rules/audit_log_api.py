"""The audit log of changes."""

from __future__ import annotations

from gateway.control.contract.rules import AUDIT_LOG, AuditLog, AuditLogRequest
from webui.api.operations import Noun
from webui.api.who import Caller

noun = Noun("log")


@noun.declare("GET", "/audit-log", query=AuditLogRequest, answer=AuditLog)
def read(me: Caller, query: AuditLogRequest) -> object:
    """List changes, newest first. They are stored for a year."""
    who = {"who": query.who} if query.who else {}
    return me.ask(AUDIT_LOG, limit=query.limit, skip=query.skip, **who)
