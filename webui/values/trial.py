"""Results of the bypass test of a child's rules: problems first, then all of them by group."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from webui.language import around, things
from webui.language.i18n import gettext as _
from webui.values.shapes import Answer

OPEN, CLOSED, PASSES, REFUSED, UNKNOWN, ABSENT = (
    "open", "closed", "passes", "refused", "cannot be told", "absent"
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting that blocks a bypass method."""

    name: str
    endpoint: str
    of_the_child: bool


@dataclass(frozen=True, slots=True)
class Tried:
    id: str
    must_pass: bool
    fault: bool
    setting: str  # as in the files; empty: no setting allows it
    ipv4: str
    ipv6: str

    @property
    def title(self) -> str:
        return around.title(self.id)

    @property
    def found(self) -> frozenset[str]:
        return frozenset((self.ipv4, self.ipv6)) - {ABSENT}

    @property
    def open_by_rule(self) -> bool:
        return OPEN in self.found and not self.fault

    @property
    def word(self) -> str:
        """Return the result, as one word for IPv4 and IPv6 if they agree."""
        if len(self.found) < 2:
            return _word(next(iter(self.found), UNKNOWN))
        return _("IPv4: %(four)s, IPv6: %(six)s", four=_word(self.ipv4), six=_word(self.ipv6))

    @property
    def well(self) -> bool:
        return not self.fault and self.found <= {CLOSED, PASSES}

    @property
    def closes(self) -> Setting | None:
        kind, _colon, value = self.setting.partition(": ")
        if kind in ("ways", "categories"):
            key = value.strip("{}").partition(":")[0]
            if kind == "ways":
                return Setting(things.way(key), "basics.show", True)
            return Setting(things.categories().get(key, key), "kinds.show", True)
        known = _SETTINGS.get(kind)
        return known() if known else None


_SETTINGS: Mapping[str, Callable[[], Setting]] = {
    "strict": lambda: Setting(_("Addresses without a name"), "basics.show", True),
    "safe_search": lambda: Setting(_("Safe search"), "basics.show", True),
    "gateway_access": lambda: Setting(_("What children and guests reach of it"), "family.show", False),
    "unknown_devices": lambda: Setting(
        _("What a device is until somebody says whose it is"), "family.show", False
    ),
}


@dataclass(frozen=True, slots=True)
class Group:
    id: str
    tried: tuple[Tried, ...]

    @property
    def title(self) -> str:
        return around.group(self.id)


@dataclass(frozen=True, slots=True)
class Trial:
    running: bool  # for this child's rules
    busy: bool  # for any child's
    ended: datetime | None
    problem: str
    checks: tuple[Tried, ...]

    @property
    def faults(self) -> tuple[Tried, ...]:
        return tuple(check for check in self.checks if check.fault)

    @property
    def chosen(self) -> tuple[Tried, ...]:
        """Return the methods that the family's rules allow."""
        return tuple(check for check in self.checks if check.open_by_rule)

    @property
    def ways(self) -> int:
        return sum(not check.must_pass for check in self.checks)

    @property
    def closed(self) -> int:
        return sum(not check.must_pass and check.found == {CLOSED} for check in self.checks)

    @property
    def untold(self) -> int:
        return sum(UNKNOWN in check.found or not check.found for check in self.checks)

    @property
    def groups(self) -> tuple[Group, ...]:
        by_id = {check.id: check for check in self.checks}
        found = (
            Group(name, tuple(by_id[ident] for ident in ids if ident in by_id))
            for name, ids in around.GROUPS.items()
        )
        return tuple(group for group in found if group.tried)


def _word(found: str) -> str:
    return {
        OPEN: _("open"),
        CLOSED: _("closed"),
        PASSES: _("passes"),
        REFUSED: _("refused"),
        ABSENT: _("not here"),
    }.get(found, _("cannot be told"))


def parse_trial(values: Mapping[str, Any]) -> Trial:
    found = Answer(values)
    return found.read(Trial, checks=tuple(check.read(Tried) for check in found.entries("checks")))
