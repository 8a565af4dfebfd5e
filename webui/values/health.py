"""The gateway's health: check results by topic, figures, the last hour, and the log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from webui.language.i18n import gettext as _
from webui.language.i18n import ngettext
from webui.values.shapes import Answer

LEVELS = ("ok", "note", "warning", "error")  # from the best to the worst
LOOK = ("warning", "error")
SHOWN = 40  # lines of the log on the page; the support file has all of them
PLACES = 60  # samples; the daemon stores as many

OWN_STATUS = Path("/proc/self/status")


@dataclass(frozen=True, slots=True)
class Finding:
    level: str
    about: str
    text: str  # English, as in `qalqan check`; empty for support if it may name a person
    mend: str


@dataclass(frozen=True, slots=True)
class Topic:
    """The topic of several checks, in words for parents."""

    title: str
    meaning: str  # the effect of a problem
    endpoint: str  # the page to fix it; empty: none
    way: str  # the label of that link
    findings: tuple[Finding, ...]

    @property
    def level(self) -> str:
        """Return the worst level."""
        return max((finding.level for finding in self.findings), key=LEVELS.index, default="ok")

    @property
    def telling(self) -> tuple[Finding, ...]:
        """Return the findings that are not ok, the worst first."""
        found = [finding for finding in self.findings if finding.level != "ok"]
        return tuple(sorted(found, key=lambda item: -LEVELS.index(item.level)))


@dataclass(frozen=True, slots=True)
class Figures:
    uptime: int  # seconds
    packets: int
    waiting: int
    dropped: int
    faults: int
    flows: int
    questions: int
    answers: int
    resident: int  # bytes, as all below
    peak: int
    database: int
    names: int
    built: datetime | None
    disk: int
    disk_free: int
    machine_uptime: int  # seconds
    load: float
    cores: int
    memory: int
    available: int
    clock_known: bool
    internet: str
    backend: str


@dataclass(frozen=True, slots=True)
class Sample:
    packets: int  # in one minute
    dropped: int
    waiting: int
    resident: int


@dataclass(frozen=True, slots=True)
class LogLine:
    level: str
    place: str
    text: str
    first: datetime | None
    last: datetime | None
    times: int


@dataclass(frozen=True, slots=True)
class Health:
    now: datetime
    version: str
    running: bool  # checks are running
    ended: datetime | None
    problem: str
    topics: tuple[Topic, ...]  # the worst first
    figures: Figures
    samples: tuple[Sample, ...]
    log: tuple[LogLine, ...]
    log_left_off: int

    @property
    def wrong(self) -> int:
        """Return the number of topics with a problem."""
        found = sum(finding.level in LOOK for topic in self.topics for finding in topic.findings)
        return found + (not self.figures.clock_known)

    @property
    def sentence(self) -> str:
        if not self.topics:
            return _("The checks could not be done.") if self.problem else _("The checks are being done.")
        if not self.wrong:
            return _("Everything works.")
        return ngettext("%(num)d thing needs a look.", "%(num)d things need a look.", self.wrong)

    @property
    def per_second(self) -> float:
        """Return the rate of the last minute."""
        return self.samples[-1].packets / 60 if self.samples else 0.0

    @property
    def most_per_second(self) -> float:
        return max((sample.packets for sample in self.samples), default=0) / 60


def parse_health(values: Mapping[str, Any]) -> Health:
    """Parse the verb `health`, or `support`, which has no personal data."""
    answer = Answer(values)
    check = answer.entry("check") or Answer({})
    whole = check.entries("findings") or answer.entries("findings")
    findings = [finding.read(Finding) for finding in whole]
    log = tuple(line.read(LogLine) for line in answer.entries("log"))
    now = answer.moment("now") or answer.moment("made")
    return Health(
        now=now or datetime.now().astimezone(),
        version=answer.text("version"),
        running=check.flag("running"),
        ended=check.moment("ended"),
        problem=check.text("problem"),
        topics=_by_topic([finding for finding in findings if finding.level in LEVELS]),
        figures=_figures(answer.entry("figures") or Answer({})),
        samples=tuple(sample.read(Sample) for sample in answer.entries("samples")[-PLACES:]),
        log=log[:SHOWN],
        log_left_off=len(log[SHOWN:]),
    )


def _figures(figures: Answer) -> Figures:
    def of(key: str) -> Answer:
        return figures.entry(key) or Answer({})

    machine, disk, lists, memory = of("machine"), of("disk"), of("lists"), of("memory")
    load = machine.values.get("load")
    return Figures(
        **{key: figures.whole(key) for key in ("uptime", "packets", "waiting", "dropped", "faults", "flows")},
        questions=figures.whole("questions"),
        answers=figures.whole("answers"),
        resident=memory.whole("resident"),
        peak=memory.whole("peak"),
        database=of("database").whole("bytes"),
        names=lists.whole("names"),
        built=lists.moment("built"),
        disk=disk.whole("bytes"),
        disk_free=disk.whole("free"),
        machine_uptime=machine.whole("uptime"),
        load=float(load[0]) if isinstance(load, list) and load else 0.0,
        cores=machine.whole("cores", 1),
        memory=machine.whole("memory"),
        available=machine.whole("available"),
        clock_known=figures.values.get("clock") is not False,
        internet=figures.text("internet", "unknown"),
        backend=figures.text("backend"),
    )


def process_memory(status: Path = OWN_STATUS) -> int:
    """Return the memory of this process in bytes."""
    for line in status.read_text("utf-8", "replace").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    return 0


def _by_topic(findings: list[Finding]) -> tuple[Topic, ...]:
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
    """Map names of checks to words for parents: filters first, then packet handling, then the rest."""
    return (
        (
            frozenset({"queue", "offload", "nft", "marks", "services", "routing"}),
            _("The way through the filter"),
            _("Some of what devices do may go past the filter, or not go on at all."),
            "",
            "",
        ),
        (
            frozenset({"lan", "uplink", "nat", "ipv6", "dhcp", "router"}),
            _("The home's network"),
            _("Some devices may go past the filter, or reach more than they should."),
            "devices.show",
            _("Which devices are here"),
        ),
        (
            frozenset({"profile", "profiles", "config", "country"}),
            _("Your family's rules"),
            _("A file that cannot be used changes nothing: what held before holds on until it is mended."),
            "home.show",
            _("To the children"),
        ),
        (
            frozenset({"lists"}),
            _("Lists of sites"),
            _("What is new on the internet may be missing from them."),
            "lists.show",
            _("To the lists"),
        ),
        (
            frozenset({"time"}),
            _("The clock"),
            _("While the time is not known, bedtimes and limits may hold longer or shorter."),
            "",
            "",
        ),
        (
            frozenset({"state", "runtime", "disk"}),
            _("Room to write"),
            _("Minutes that were used, and what you set, may be lost at a restart."),
            "",
            "",
        ),
        (
            frozenset({"pages"}),
            _("These pages"),
            _("They may not be reached from every device."),
            "",
            "",
        ),
        (
            frozenset({"certificate"}),
            _("The name that browsers trust"),
            _("While its certificate is not good, the pages are plain HTTP, and no wallet can prove an age."),
            "family.show",
            _("To the settings"),
        ),
        (
            frozenset({"dns", "help"}),
            _("Help lines"),
            _("While the filter is stopped, not every help line may be reached."),
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
