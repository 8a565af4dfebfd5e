"""The API operation that lists the audit log."""

from __future__ import annotations

from typing import Annotated

from gateway.control.contract.rules import AUDIT_LOG, AUDIT_PAGE, AUDIT_SKIP, AuditLog
from gateway.control.schema import Whole, record
from webui.api.operations import Name, Noun
from webui.api.who import Caller

noun = Noun("log")


@record
class AuditLogPage:
    """Which lines of the audit log to return: author, their number, and how many newer ones to skip.

    The pattern of a name differs from that of the daemon's verb.
    """

    who: Name | None = None
    limit: Annotated[int, Whole(1, AUDIT_PAGE)] = AUDIT_PAGE
    skip: Annotated[int, Whole(0, AUDIT_SKIP)] = 0


@noun.declare("GET", "/audit-log", query=AuditLogPage, answer=AuditLog)
def read(me: Caller, query: AuditLogPage) -> object:
    """List the changes that the audit log has, newest first.

    They are stored for a year; of each author only the last 2,000 lines.
    """
    who = {"who": query.who} if query.who else {}
    return me.ask(AUDIT_LOG, limit=query.limit, skip=query.skip, **who)
