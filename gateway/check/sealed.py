"""`qalqan check`: the sealed lists, by issuer and date; never a name from them."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from gateway.check.findings import Finding, ok, unseen, warning
from gateway.lists.sealed import SealedShelf, SealedState
from gateway.policy.config.config import Config


def sealed_findings(config: Config) -> Iterator[Finding]:
    if not config.sealed:
        return
    shelf = SealedShelf(Path(config.state))
    if os.geteuid() != 0 and not os.access(shelf.folder, os.R_OK | os.X_OK, effective_ids=True):
        yield unseen("lists", shelf.folder)
        return
    now = time.time()
    for held in shelf.load(config.sealed)[1]:
        yield _of(held, now)


def _of(held: SealedState, now: float) -> Finding:
    head = held.head
    if head is None:
        return warning("lists", f"a sealed list is not in use: {held.problem}", "run: qalqan sealed update")
    until = datetime.fromtimestamp(head.expires, UTC).date()
    if held.is_late(now):
        text = f"the sealed list of {head.issuer} expired on {until}; it stays in use until a new one comes"
        return warning("lists", text, "run: qalqan sealed update, or ask its issuer")
    return ok("lists", f"sealed list of {head.issuer} ({head.scope}): {head.count} names, until {until}")
