"""Describes the filter tests of a child: what was tested, the outcome, the reason, and how to fix it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from gateway.control.contract.filter_tests import FilterCheck, FilterTestResponse, FilterTestState
from gateway.filter_test.titles import GROUPS, check_titles, group_titles
from webui.language import things
from webui.language.i18n import READER, ngettext
from webui.language.i18n import gettext as _
from webui.language.words import clock, plain


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting that blocks a bypass method: its name, and the page that changes it.

    ``of_the_child``: it is one of the child's rules, not of the family.
    """

    name: str
    endpoint: str
    of_the_child: bool


_SETTINGS: Mapping[str, Callable[[], Setting]] = {
    "strict": lambda: Setting(_("Addresses without a name"), "basics.show", True),
    "safe_search": lambda: Setting(_("Safe search"), "basics.show", True),
    "gateway_access": lambda: Setting(_("What children and guests can reach on it"), "family.show", False),
    "unknown_devices": lambda: Setting(_("How a new device is treated"), "family.show", False),
}


@dataclass(frozen=True, slots=True)
class CheckView:
    """One check of a filter test, as the pages show it. ``running``: its test has not ended."""

    check: FilterCheck
    running: bool

    @property
    def waits(self) -> bool:
        """Return whether the device still has to run this check."""
        return self.check.outcome == "waiting"

    @property
    def untested(self) -> bool:
        return self.check.outcome == "untested"

    @property
    def well(self) -> bool:
        """Return whether the check was tested and had the wanted outcome.

        That is open for what must stay reachable, and blocked for the rest.
        """
        return not self.check.fault and self.check.outcome == ("open" if self.check.must_open else "blocked")

    @property
    def open_by_rule(self) -> bool:
        return not (self.check.fault or self.check.must_open) and "open" in self._outcomes

    @property
    def _outcomes(self) -> frozenset[str]:
        found = {outcome for outcome in (self.check.ipv4, self.check.ipv6) if outcome}
        return frozenset(found or {self.check.outcome})

    @property
    def differs(self) -> bool:
        """Return whether IPv4 and IPv6 have different outcomes."""
        return len(self._outcomes) > 1

    # -------------------------------------------------------------------------------- of bypass methods

    @property
    def name(self) -> str:
        """Return the name of the tested bypass method in the reader's language.

        The check's id if it is unknown.
        """
        return things.table("checks", lambda: check_titles(READER)).get(self.check.id, self.check.id)

    @property
    def outcome(self) -> str:
        """Return the outcome of a bypass method's check in words.

        For IPv4 and IPv6 separately if they differ.
        """
        if not self.differs:
            return self._word(next(iter(self._outcomes)))
        return _(
            "IPv4: %(four)s, IPv6: %(six)s",
            four=self._word(self.check.ipv4),
            six=self._word(self.check.ipv6),
        )

    def _word(self, outcome: str | None) -> str:
        if outcome == "open":
            return _("allowed")
        if outcome == "blocked":
            return _("blocked")
        return _("not here") if outcome is None else _("not tested")

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

    # ------------------------------------------------------------------------------------- of a device

    @property
    def by_hand(self) -> bool:
        """Return whether the page lets the child open the site of this check by a tap.

        It does while the check waits, but not for the site for adults.
        """
        return self.waits and self.check.id != "adult"

    def title(self, now: datetime) -> str:
        what = plain(self.check.name or self.check.host)
        if self.check.id == "refused":
            return _("%(site)s is blocked", site=what) if what else _("A blocked site")
        if self.check.id == "adult":
            return _("A site for adults is blocked")
        if self.check.id == "messenger":
            return _("%(site)s works", site=what) if what else _("A messenger works")
        if self.check.id == "open":
            return _("%(site)s opens", site=what) if what else _("An allowed site")
        if self.check.id == "private_dns":
            return _("Private DNS is blocked") if what else _("Private DNS")
        if self.check.id == "bedtime":
            if self.check.at is not None:
                return _("Bedtime begins at %(when)s", when=clock(self.check.at, now))
            return _("It is bedtime, and everything is blocked") if what else _("Bedtime")
        return _("Help is reachable: %(site)s", site=what) if what else _("Help is reachable")

    @property
    def result(self) -> str:
        """Return the result of a check on a device in a few words."""
        if self.waits:
            return _("Not tried yet") if self.running else _("Was not tried")
        if self.check.fault:
            return _("Does not work")
        if self.untested:
            return _("Not tested") if self.check.reason == "not_seen" else _("Nothing to try")
        return _("Works")

    @property
    def about(self) -> str:
        """Return a sentence about what happened in the check, or how to fix it.

        Empty while a running test has yet to run it.
        """
        if self.waits:
            return "" if self.running else _("The three minutes were over before. Start again.")
        if self.untested:
            return self._reason()
        if self.check.at is not None:
            if not self.check.fault:
                return _("From then on the rules block this device. Checked now.")
            return _("At that time bedtime does not block the device. A parent can check the bedtime.")
        if self.check.must_open:
            if self.check.fault:
                return _("The gateway blocked it. A parent can check this rule.")
            return _("The gateway let it through, and the device reached it.")
        if self.check.fault:
            return _("It came through. A parent can check this rule and who uses this device.")
        return _("The gateway blocked it, and nothing reached the device.")

    def _reason(self) -> str:
        return {
            "not_seen": _(
                "The gateway saw nothing: this device uses another connection. Turn off mobile data "
                "and any VPN on it, close the browser, and try again."
            ),
            "not_reached": _("The device did not reach it. Check the internet, then try again."),
            "all_open": _("These rules block no site by name. That is usual at this age."),
            "closed_now": _("Everything is blocked on this device right now. Try again later."),
            "way_open": _("These rules allow it."),
            "blocked": _("These rules block it."),
            "no_bedtime": _("These rules have none."),
        }.get(self.check.reason, _("No site for it is known here."))


@dataclass(frozen=True, slots=True)
class MethodGroup:
    """A group of bypass methods, with the checks that tested them."""

    id: str
    tried: tuple[CheckView, ...]

    @property
    def title(self) -> str:
        return things.table("check groups", lambda: group_titles(READER))[self.id]


class FilterTestView:
    """The running or last test by one method (device, bypass or site), as the pages show it."""

    def __init__(self, state: FilterTestState) -> None:
        self.state = state
        self.lines = tuple(CheckView(check, state.running) for check in state.checks)

    @property
    def hosts(self) -> tuple[str, ...]:
        """Return the hosts that are still to be tested; empty if the test has ended.

        The page on the tested device may connect only to these and the gateway.
        """
        return tuple(line.check.host for line in self.lines if line.waits and self.state.running)

    @property
    def waits(self) -> bool:
        return any(line.waits for line in self.lines)

    @property
    def all_well(self) -> bool:
        """Return whether at least one check has the wanted outcome, and none fails, waits or was not seen."""
        return any(line.well for line in self.lines) and not any(
            line.check.fault or line.waits or line.check.reason == "not_seen" for line in self.lines
        )

    @property
    def groups(self) -> tuple[MethodGroup, ...]:
        """Return the checks of a test of bypass methods, in groups of similar methods."""
        by_id = {line.check.id: line for line in self.lines}
        found = (
            MethodGroup(name, tuple(by_id[ident] for ident in ids if ident in by_id))
            for name, ids in GROUPS.items()
        )
        return tuple(group for group in found if group.tried)


class FilterTestsView:
    """The tests of a child: on a device, of bypass methods, and of one site; None for one that has not run.

    ``headline`` sums them up.
    """

    def __init__(self, found: FilterTestResponse) -> None:
        self.busy = found.busy
        tests = {state.method: FilterTestView(state) for state in found.tests}
        self.device = tests.get("device")
        self.bypass = tests.get("bypass")
        self.site = tests.get("site")
        self._lines = tuple(line for test in tests.values() for line in test.lines)

    @property
    def faults(self) -> tuple[CheckView, ...]:
        return tuple(line for line in self._lines if line.check.fault)

    @property
    def _untested(self) -> int:
        return sum(line.untested and not line.check.fault for line in self._lines)

    @property
    def headline(self) -> str:
        """Return a sentence: how many checks match the rules, and how many could not be tested.

        Empty without any. A check that could not be tested neither matches the rules nor differs from them.
        """
        tested = sum(line.check.fault or not (line.untested or line.waits) for line in self._lines)
        good = tested - len(self.faults)
        if not tested:
            return _("Nothing could be tested here.") if self._untested else ""
        if good == tested:
            text = ngettext("The only check matches the rules.", "All %(num)s checks match the rules.", good)
        else:
            text = _("%(good)s of %(count)s checks match the rules.", good=good, count=tested)
        if not self._untested:
            return text
        return f"{text} " + ngettext(
            "%(num)s could not be tested.", "%(num)s could not be tested.", self._untested
        )

    @property
    def counts(self) -> str:
        """Return a sentence: how many of the tested checks are blocked and allowed; empty without any."""
        blocked = sum(line.check.outcome == "blocked" for line in self._lines)
        allowed = sum(line.check.outcome == "open" for line in self._lines)
        if not blocked + allowed:
            return ""
        return _("Blocked: %(blocked)s. Allowed: %(allowed)s.", blocked=blocked, allowed=allowed)


def connect_sources(hosts: Iterable[str]) -> str:
    """Return the sources for ``connect-src`` of a content security policy that allows a test of these hosts.

    They include the names under each host, to which its site may redirect.
    """
    found = []
    for host in hosts:
        bare = host.removeprefix("www.")
        found += [f"https://{bare}", f"https://*.{bare}"]
    return " ".join(dict.fromkeys(found))
