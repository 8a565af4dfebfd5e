"""Describes the results of a bypass test of a child's rules: problems first, then all of them by group."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gateway.audit.titles import GROUPS, check_titles, group_titles
from gateway.control.contract.filter_tests import BypassCheck, BypassTestState
from webui.language import things
from webui.language.i18n import READER, ngettext
from webui.language.i18n import gettext as _


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting that blocks a bypass method."""

    name: str
    endpoint: str
    of_the_child: bool


@dataclass(frozen=True, slots=True)
class MethodView:
    check: BypassCheck

    @property
    def title(self) -> str:
        """Return the check's title in the reader's language; the id of a check of another version."""
        titles = things.table("checks", lambda: check_titles(READER))
        return titles.get(self.check.id, self.check.id)

    @property
    def found(self) -> frozenset[str]:
        return frozenset((self.check.ipv4, self.check.ipv6)) - {"absent"}

    @property
    def open_by_rule(self) -> bool:
        return "open" in self.found and not self.check.fault

    @property
    def word(self) -> str:
        """Return the result in words; IPv4 and IPv6 are listed separately if they differ."""
        if len(self.found) < 2:
            return _word(next(iter(self.found), "unknown"))
        return _("IPv4: %(four)s, IPv6: %(six)s", four=_word(self.check.ipv4), six=_word(self.check.ipv6))

    @property
    def well(self) -> bool:
        return not self.check.fault and self.found <= {"closed", "passes"}

    @property
    def closes(self) -> Setting | None:
        kind, _colon, value = (self.check.setting or "").partition(": ")
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
    "gateway_access": lambda: Setting(_("What children and guests can reach on it"), "family.show", False),
    "unknown_devices": lambda: Setting(_("How a new device is treated"), "family.show", False),
}


@dataclass(frozen=True, slots=True)
class MethodGroup:
    id: str
    tried: tuple[MethodView, ...]

    @property
    def title(self) -> str:
        return things.table("check groups", lambda: group_titles(READER))[self.id]


class BypassTestView:
    """The results of a bypass test, as the page shows them."""

    def __init__(self, state: BypassTestState) -> None:
        self.state = state
        self.methods = tuple(MethodView(check) for check in state.checks)

    @property
    def faults(self) -> tuple[MethodView, ...]:
        return tuple(method for method in self.methods if method.check.fault)

    @property
    def chosen(self) -> tuple[MethodView, ...]:
        """Return the methods that are open because the family's rules allow them."""
        return tuple(method for method in self.methods if method.open_by_rule)

    @property
    def untested(self) -> tuple[MethodView, ...]:
        """Return the methods that could not be tested here."""
        return tuple(method for method in self.methods if "unknown" in method.found or not method.found)

    @property
    def headline(self) -> str:
        """Return how many of the tested bypass methods are blocked, and how many could not be tested.

        A method that could not be tested is neither blocked nor open.
        """
        bypasses = [method for method in self.methods if not method.check.must_pass]
        tested = [method for method in bypasses if method not in self.untested]
        blocked = sum(method.found == {"closed"} for method in tested)
        untested = len(bypasses) - len(tested)
        if not tested:
            return _("Nothing could be tested here.")
        if blocked == len(tested):
            text = ngettext(
                "%(num)s that could be tested is blocked.",
                "All %(num)s that could be tested are blocked.",
                blocked,
            )
        else:
            text = _(
                "%(blocked)s of %(tested)s that could be tested are blocked.",
                blocked=blocked,
                tested=len(tested),
            )
        if not untested:
            return text
        return f"{text} " + ngettext("%(num)s could not be tested.", "%(num)s could not be tested.", untested)

    @property
    def groups(self) -> tuple[MethodGroup, ...]:
        by_id = {method.check.id: method for method in self.methods}
        found = (
            MethodGroup(name, tuple(by_id[ident] for ident in ids if ident in by_id))
            for name, ids in GROUPS.items()
        )
        return tuple(group for group in found if group.tried)


def _word(found: str) -> str:
    return {
        "open": _("not blocked"),
        "closed": _("blocked"),
        "passes": _("works"),
        "refused": _("blocked"),
        "absent": _("not here"),
    }.get(found, _("could not be tested"))
