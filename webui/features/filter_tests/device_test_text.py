"""Describes a filter test from a device: the topic of each check, its result, and how to fix it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from gateway.control.contract.filter_tests import DeviceCheck, DeviceTestState
from webui.language.i18n import gettext as _
from webui.language.words import clock, plain

WORKS, FAILS, WAITS, UNSEEN, NOTHING = "works", "fails", "waits", "unseen", "none"


class CheckView:
    """One check of a filter test, as the pages show it."""

    def __init__(self, check: DeviceCheck) -> None:
        self.check = check

    @property
    def by_hand(self) -> bool:
        """Return whether a child may open the site of this check: not the one for adults."""
        return self.tried_on_device and self.check.topic != "adult"

    @property
    def tried_on_device(self) -> bool:
        """Return whether the device still has to run this check."""
        return self.check.state == WAITS and bool(self.check.host)

    def title(self, now: datetime) -> str:
        what = plain(self.check.name or self.check.host)
        if self.check.topic == "refused":
            return _("%(site)s is blocked", site=what) if what else _("A blocked site")
        if self.check.topic == "adult":
            return _("A site for adults is blocked")
        if self.check.topic == "messenger":
            return _("%(site)s works", site=what) if what else _("A messenger works")
        if self.check.topic == "open":
            return _("%(site)s opens", site=what) if what else _("An allowed site")
        if self.check.topic == "private_dns":
            return _("Private DNS is blocked") if what else _("Private DNS")
        if self.check.topic == "bedtime":
            if self.check.at is not None:
                return _("Bedtime begins at %(when)s", when=clock(self.check.at, now))
            return _("It is bedtime, and everything is blocked") if what else _("Bedtime")
        return _("Help is reachable: %(site)s", site=what) if what else _("Help is reachable")

    def word(self, *, running: bool) -> str:
        """Return the result of the check in a few words. ``running``: the test has not ended."""
        if self.check.state == WAITS:
            return _("Not tried yet") if running else _("Was not tried")
        return {
            WORKS: _("Works"),
            FAILS: _("Does not work"),
            UNSEEN: _("Not tested"),
        }.get(self.check.state, _("Nothing to try"))

    def about(self, *, running: bool) -> str:
        """Return a sentence about what happened, or how to fix it; empty while the check waits."""
        if self.check.state == WAITS:
            return "" if running else _("The three minutes were over before. Start again.")
        if self.check.state == UNSEEN:
            return _(
                "The gateway saw nothing: this device uses another connection. Turn off mobile data "
                "and any VPN on it, close the browser, and try again."
            )
        if self.check.state == NOTHING:
            return self._nothing()
        if self.check.at is not None:
            if self.check.state == WORKS:
                return _("From then on the rules block this device. Checked now.")
            return _("At that time bedtime does not block the device. A parent can check the bedtime.")
        if self.check.topic in ("open", "messenger", "help"):
            return self._of_open()
        if self.check.state == WORKS:
            return _("The gateway blocked it, and nothing reached the device.")
        return _("It came through. A parent can check this rule and who uses this device.")

    def _of_open(self) -> str:
        if self.check.state == WORKS:
            return _("The gateway let it through, and the device reached it.")
        if self.check.blocked:
            return _("The gateway blocked it. A parent can check this rule.")
        return _("The device did not reach it. Check the internet, then try again.")

    def _nothing(self) -> str:
        return {
            "all_open": _("These rules block no site by name. That is usual at this age."),
            "closed_now": _("Everything is blocked on this device right now. Try again later."),
            "way_open": _("These rules allow it."),
            "blocked": _("These rules block it."),
            "no_bedtime": _("These rules have none."),
        }.get(self.check.because or "", _("No site for it is known here."))


class DeviceTestView:
    """A filter test, as the pages show it."""

    def __init__(self, state: DeviceTestState) -> None:
        self.state = state
        self.lines = tuple(CheckView(check) for check in state.lines)

    @property
    def hosts(self) -> tuple[str, ...]:
        """Return the hosts that the test's page may connect to, besides the gateway."""
        return tuple(line.check.host for line in self.lines if line.tried_on_device and self.state.running)

    @property
    def waits(self) -> bool:
        return any(line.tried_on_device for line in self.lines)

    @property
    def passed(self) -> tuple[CheckView, ...]:
        return tuple(line for line in self.lines if line.check.state == WORKS)

    @property
    def unproved(self) -> tuple[CheckView, ...]:
        """Return the checks that had nothing to test, or were not tried to the end."""
        return tuple(line for line in self.lines if line.check.state not in (WORKS, FAILS))

    @property
    def all_well(self) -> bool:
        """Return whether every line works or has nothing to test, and at least one works."""
        states = {check.state for check in self.state.lines}
        return WORKS in states and states <= {WORKS, NOTHING}


def connect_sources(hosts: Iterable[str]) -> str:
    """Return the ``connect-src`` sources of the content security policy for a test of these hosts.

    A site may redirect within its own names only.
    """
    found = []
    for host in hosts:
        bare = host.removeprefix("www.")
        found += [f"https://{bare}", f"https://*.{bare}"]
    return " ".join(dict.fromkeys(found))
