"""Describes the gateway's health: check results by topic, figures, the last hour, and the log."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gateway.control.contract.health import (
    CheckResult,
    FindingEntry,
    Health,
    LogEntry,
    SupportAccess,
    SupportFile,
)
from webui.language.i18n import gettext as _
from webui.language.i18n import ngettext

LEVELS = ("ok", "note", "warning", "error")  # from the best to the worst
LOOK = ("warning", "error")
SHOWN = 40  # lines of the log on the page; the support file has all of them
PLACES = 60  # samples; the daemon stores as many

OWN_STATUS = Path("/proc/self/status")


@dataclass(frozen=True, slots=True)
class Topic:
    """The results of checks on one topic, with a title and the effect of a problem, in words for parents."""

    title: str
    meaning: str  # the effect of a problem
    endpoint: str  # the page to fix it; empty: none
    way: str  # the label of that link
    findings: tuple[FindingEntry, ...]

    @property
    def level(self) -> str:
        """Return the worst level of the findings: ``ok``, ``note``, ``warning`` or ``error``.

        ``ok`` without any.
        """
        return max((finding.level for finding in self.findings), key=LEVELS.index, default="ok")

    @property
    def telling(self) -> tuple[FindingEntry, ...]:
        """Return the findings that are notes, warnings or errors, the worst first."""
        found = [finding for finding in self.findings if finding.level != "ok"]
        return tuple(sorted(found, key=lambda item: -LEVELS.index(item.level)))


class HealthView:
    def __init__(self, state: Health) -> None:
        self.state = state
        known = (finding for finding in state.check.findings if finding.level in LEVELS)
        self.topics = _by_topic(list(known))  # the worst first

    @property
    def wrong(self) -> int:
        """Return the number of warnings and errors, plus one if the gateway does not know the time."""
        found = sum(finding.level in LOOK for topic in self.topics for finding in topic.findings)
        return found + (not self.state.figures.clock)

    @property
    def sentence(self) -> str:
        if not self.topics:
            failed = self.state.check.problem
            return _("The checks could not run.") if failed else _("The checks are running.")
        if not self.wrong:
            return _("Everything works.")
        return ngettext("%(num)d thing needs attention.", "%(num)d things need attention.", self.wrong)

    @property
    def packets(self) -> list[int]:
        """Return the number of packets in each of the last minutes, oldest first."""
        return [sample.packets for sample in self.state.samples[-PLACES:]]

    @property
    def log(self) -> tuple[LogEntry, ...]:
        return self.state.log[:SHOWN]

    @property
    def log_left_off(self) -> int:
        return len(self.state.log[SHOWN:])


def of_support(file: SupportFile) -> Health:
    """Return a report for the provider's support in the form of the health page. It has no personal data."""
    check = file.check
    return Health(
        now=file.made,
        version=file.version,
        check=CheckResult(running=check.running, ended=check.ended, findings=file.findings, problem=""),
        figures=file.figures,
        samples=file.samples,
        log=file.log,
        access=SupportAccess(until=None, by=""),
    )


def process_memory(status: Path = OWN_STATUS) -> int:
    """Return the resident memory of the web process in bytes; 0 if ``status`` does not have it.

    ``status``: the kernel's file about the process. Raises OSError if it cannot be read.
    """
    for line in status.read_text("utf-8", "replace").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    return 0


def _by_topic(findings: list[FindingEntry]) -> tuple[Topic, ...]:
    found = []
    left = list(findings)
    for abouts, title, meaning, endpoint, way in _topics():
        mine = tuple(finding for finding in left if finding.about in abouts)
        left = [finding for finding in left if finding.about not in abouts]
        if mine:
            found.append(Topic(title, meaning, endpoint, way, mine))
    if left:
        found.append(Topic(_("Other checks"), "", "", "", tuple(left)))
    return tuple(sorted(found, key=lambda item: -LEVELS.index(item.level)))


def _topics() -> tuple[tuple[frozenset[str], str, str, str, str], ...]:
    """Return the topics of the health page.

    Each has the names of its checks, a title, the effect of a problem, and the page for a fix with its label.
    """
    return (
        (
            frozenset({"queue", "offload", "nft", "marks", "services", "routing"}),
            _("Connections through the filter"),
            _("Some connections may bypass the filter or fail."),
            "",
            "",
        ),
        (
            frozenset({"lan", "uplink", "nat", "ipv6", "dhcp", "router"}),
            _("The home's network"),
            _("Some devices may bypass the filter or reach more than they should."),
            "devices.show",
            _("Devices on the network"),
        ),
        (
            frozenset({"profile", "profiles", "config", "country"}),
            _("Your family's rules"),
            _("A broken rule changes nothing: the previous rules apply until it is fixed."),
            "home.show",
            _("To the children"),
        ),
        (
            frozenset({"lists"}),
            _("Lists of sites"),
            _("New sites may be missing from them."),
            "lists.show",
            _("To the lists"),
        ),
        (
            frozenset({"time"}),
            _("The clock"),
            _("While the time is not known, bedtimes and limits may be wrong."),
            "",
            "",
        ),
        (
            frozenset({"state", "runtime", "disk"}),
            _("Free storage"),
            _("Used minutes and your latest changes may be lost at a restart."),
            "",
            "",
        ),
        (
            frozenset({"pages"}),
            _("These pages"),
            _("Some devices may not reach them."),
            "",
            "",
        ),
        (
            frozenset({"certificate"}),
            _("The name that browsers trust"),
            _("While its certificate is not valid, the pages are not encrypted, and wallets do not work."),
            "family.show",
            _("To the settings"),
        ),
        (
            frozenset({"dns", "help"}),
            _("Help lines"),
            _("While the filter is stopped, some help lines may not work."),
            "",
            "",
        ),
        (
            frozenset({"product"}),
            _("What comes with the filter"),
            _("Something of it is missing or damaged. Install the same version again."),
            "update.show",
            _("How to update"),
        ),
    )
