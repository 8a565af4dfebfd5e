"""Verbs of the filter tests."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from gateway.control.schema import record
from gateway.control.verbs import Sender, Verb

Found = Literal["open", "closed", "passes", "refused", "cannot be told", "absent"]
"""``absent``: this home has no addresses of the version."""


@record
class BypassTestRequest:
    id: str  # of the child
    action: Literal["start", "look"]


@record
class BypassCheck:
    """What the test found of one bypass method, or of traffic that must pass."""

    id: str
    must_pass: bool
    setting: str | None  # that blocks it, as in the files
    fault: bool  # differs from the rules
    ipv4: Found
    ipv6: Found


@record
class BypassTestState:
    running: bool  # for this child's rules
    busy: bool  # for any child's rules
    ended: datetime | None
    problem: str  # why the last test failed
    checks: tuple[BypassCheck, ...]


BYPASS_TEST = Verb(
    "trial", BypassTestRequest, BypassTestState, senders=frozenset({Sender.PAGES, Sender.GUARDIAN})
)
