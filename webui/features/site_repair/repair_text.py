"""Wraps the repair of a broken site for the pages: the site, and the names that it needed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from gateway.control.contract.site_repair import NeededName, SiteRepairNames
from webui.language import telling

NONE, RUNS = "none", "runs"


class NeededView:
    """A host name that a site repair opened, or that stayed blocked during it.

    ``number``: its place in the order of first requests.
    """

    def __init__(self, needed: NeededName, number: int, at: datetime) -> None:
        self.needed = needed
        self.number = number
        self._at = at

    @property
    def sentence(self) -> str:
        """Return a sentence that says why the name was not opened; empty if it was."""
        return telling.needed(self.needed, self._at)


class SiteRepairView:
    def __init__(self, repair: SiteRepairNames) -> None:
        self.repair = repair
        at = repair.until or datetime.now(UTC)
        self.names = tuple(NeededView(name, number, at) for number, name in enumerate(repair.names))

    @property
    def host(self) -> str:
        return self.repair.host

    @property
    def runs(self) -> bool:
        return self.repair.state == RUNS

    @property
    def mark(self) -> str:
        """Return an id of this repair among the child's repairs: the site, and when the repair ends."""
        until = self.repair.until
        return f"{self.host} {until.isoformat() if until else ''}"

    def seconds_left(self, now: datetime) -> int:
        until = self.repair.until
        return 0 if until is None or not self.runs else max(0, int((until - now).total_seconds()))

    @property
    def proposed(self) -> dict[str, list[NeededView]]:
        """Return the names that the daemon proposes to allow, by domain, the site's own domain first."""
        return _grouped(name for name in self.names if name.needed.proposed)

    @property
    def others(self) -> dict[str, list[NeededView]]:
        """Return the opened names that are not proposed, by domain: another app may have requested them."""
        return _grouped(name for name in self.names if not name.needed.proposed and not name.needed.refused)

    @property
    def refused(self) -> list[NeededView]:
        return [name for name in self.names if name.needed.refused]


def _grouped(names: Iterable[NeededView]) -> dict[str, list[NeededView]]:
    found: dict[str, list[NeededView]] = {}
    for name in names:
        found.setdefault(name.needed.group, []).append(name)
    return found
