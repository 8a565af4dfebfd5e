"""Runs the filter tests of children, and stores the running or last test of each child by each method.

- ``device``: records the decisions about a few sites while a child's device opens them. It observes decisions
  for three minutes.
- ``bypass``: runs `qalqan audit`, a test of all bypass methods, in another process; one at a time.
- ``site``: stores the decision about one site, which the caller made.

Results are in memory only, at any log level. They are dropped KEPT seconds after the begin of the test,
except those of bypass tests. If MOST tests are stored, a new one replaces the oldest that has ended. The
activity log has a device's requests during a test as at any other time.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from gateway.control.contract.filter_tests import (
    DeviceEvidence,
    FilterCheck,
    FilterTestMethod,
    FilterTestState,
    TestOutcome,
)
from gateway.control.contract.rules import Explanation
from gateway.control.schema import SchemaError, decode
from gateway.core.errors import ControlError
from gateway.core.helper_process import HelperProcess
from gateway.core.loop import Timer
from gateway.core.reason_codes import Code
from gateway.household.context import HomeContext
from gateway.household.members import Member
from gateway.path.subject import Sink, Subject
from gateway.policy.judge.conclude import blocks_bypass
from gateway.policy.judge.device_test import HostCheck, bedtime, checks
from gateway.policy.judge.why import question
from gateway.policy.profile.bypass_methods import BypassMethod
from gateway.policy.time.schedule import Schedule
from gateway.policy.values import Decision, Observation, Verdict

_log = logging.getLogger(__name__)

SECONDS = 180  # that a device test observes decisions
KEPT = 600  # seconds after its begin that a test of a device or a site can be read; a bypass test stays
TICK = 15  # seconds between two looks at which tests are over
MOST = 24  # tests that are stored: of eight children by three methods
BYPASS_SECONDS = 300.0  # a bypass test takes 15 on a PC, and some 60 on a small router
MOST_CHECKS = 200  # of one bypass test; a bypass test has about a hundred
PROBLEM_LIMIT = 300  # characters of the reason why a bypass test failed
VERSIONS = ("ipv4", "ipv6")
OUTCOMES: Mapping[str, TestOutcome] = {  # of the words of `qalqan audit`
    "open": "open",
    "passes": "open",
    "closed": "blocked",
    "refused": "blocked",
    "unknown": "untested",
}


@dataclass(slots=True)
class FilterTest:
    """The running or last filter test of a child by one method.

    ``began``, ``opened`` and ``reported`` are seconds of the event loop's clock.
    """

    profile: str
    method: FilterTestMethod
    began: float
    running: bool = True
    ended: datetime | None = None
    problem: str = ""
    checks: tuple[FilterCheck, ...] = ()  # of a bypass or a site test
    hosts: tuple[HostCheck, ...] = ()  # of a device test
    mac: str = ""
    slot: int = 0
    opened: float | None = None  # when the device opened the test's page
    reported: float | None = None  # when the device had reported all checks
    coming: list[FilterCheck] = field(default_factory=list)  # of a running bypass test

    @property
    def took(self) -> int | None:
        """The seconds from opening the test's page until all checks were reported; None until then."""
        if self.opened is None or self.reported is None:
            return None
        return max(1, round(self.reported - self.opened))

    def state(self, now: float, name_of: Callable[[str], str]) -> FilterTestState:
        left = max(0, round(self.began + SECONDS - now)) if self.running and self.hosts else 0
        return FilterTestState(
            method=self.method,
            running=self.running,
            ended=self.ended,
            problem=self.problem,
            device=self.mac,
            name=name_of(self.mac) if self.mac else "",
            seconds=left,
            took=self.took,
            checks=self.checks or tuple(map(_of_host, self.hosts)),
        )


class FilterTests:
    """Starts and ends filter tests of children, and stores them in memory.

    ``observe`` sets the function that gets each decision of the packet path; None: no function.
    """

    def __init__(self, home: HomeContext, observe: Callable[[Sink | None], None]) -> None:
        self._home = home
        self._observe = observe
        self._process = HelperProcess(home.loop, self._checked, self._done, BYPASS_SECONDS)
        self.close = self._process.close
        self._all: dict[tuple[str, FilterTestMethod], FilterTest] = {}  # the oldest first
        self._bypass: FilterTest | None = None  # the running one
        self._timer: Timer | None = None

    @property
    def busy(self) -> bool:
        """Whether a test of bypass methods runs, for any child."""
        return self._process.running

    def of(self, profile: str) -> Iterable[FilterTest]:
        """Return a child's running or last tests, at most one of each method.

        Those that are too old are deleted first.
        """
        self._sweep()
        return [test for test in self._all.values() if test.profile == profile]

    def of_device(self, profile: str, mac: str) -> FilterTest | None:
        """Return the device test of this child and device, running or over.

        None if none began in the last KEPT seconds, or if the child's last one is on another device.
        """
        self._sweep()
        test = self._all.get((profile, "device"))
        return test if test is not None and test.mac == mac else None

    def _store(self, test: FilterTest) -> FilterTest:
        """Store a test in place of the child's last one by the same method, and return it.

        Raises ControlError if there is no room (`_make_room`).
        """
        key = (test.profile, test.method)
        self._make_room(key)
        self._all.pop(key, None)
        self._all[key] = test
        return test

    def _make_room(self, key: tuple[str, FilterTestMethod]) -> None:
        """Delete the oldest test that has ended, if MOST are stored and none of them is the one of ``key``.

        Raises ControlError if all of them run.
        """
        self._sweep()
        if key not in self._all and len(self._all) >= MOST:
            over = next((old for old, stored in self._all.items() if not stored.running), None)
            if over is None:
                raise ControlError.of(Code.BUSY)
            del self._all[over]

    # ------------------------------------------------------------------------------------------- of a site

    def add_site(self, profile: str, found: Explanation) -> None:
        """Store the decision about one site as a child's finished site test, in place of its last one.

        MOST tests of all children are stored; an ended one makes room. Raises ControlError if all
        run.
        """
        is_blocked = found.verdict == Verdict.BLOCK
        check = FilterCheck(
            id="site",
            must_open=not is_blocked,
            outcome="blocked" if is_blocked else "open",
            fault=False,
            host=found.host or "",
            explanation=found,
        )
        test = FilterTest(profile, "site", self._home.loop.now(), running=False, checks=(check,))
        test.ended = self._home.local_now()
        self._store(test)
        self._look_later()

    # --------------------------------------------------------------------------------- of bypass methods

    def start_bypass(self, profile: str) -> None:
        """Start a test of all bypass methods against a child's rules, in another process.

        Raises ControlError if one runs for any child, if MOST other tests run, or if no process can
        be started.
        """
        if self._process.running:
            raise ControlError.of(Code.TRIAL_RUNS)
        test = FilterTest(profile, "bypass", self._home.loop.now())
        self._make_room((profile, "bypass"))  # before the process: without room its result would be lost
        config = str(self._home.rules.path)
        try:
            self._process.start(["gateway", "audit", profile, "--steps", "--config", config])
        except OSError as error:
            _log.warning("Starting the bypass test failed: %s.", error.strerror or error)
            raise ControlError.of(Code.BUSY) from None
        self._bypass = self._store(test)
        self._home.publish("trial", profile=profile, what="begun")

    def _checked(self, line: Mapping[str, Any]) -> None:
        check, test = _of_line(line), self._bypass
        if check is not None and test is not None and len(test.coming) < MOST_CHECKS:
            test.coming.append(check)

    def _done(self, status: int, words: str) -> None:
        test, self._bypass = self._bypass, None
        if test is None:
            return
        lines = [line for line in words.splitlines() if line.strip()]
        if status:
            test.problem = (lines[-1] if lines else f"it ended with status {status}")[:PROBLEM_LIMIT]
        else:
            test.checks = tuple(test.coming)
        test.coming = []
        test.running, test.ended = False, self._home.local_now()
        self._home.publish("trial", profile=test.profile, what="ended")

    # --------------------------------------------------------------------------------------- of a device

    def start_device(self, member: Member, mac: str) -> FilterTest:
        """Start a test on a child's device, for SECONDS, in place of the child's last one; return it.

        Raises ControlError if MOST other tests run.
        """
        test = FilterTest(member.profile.id, "device", self._home.loop.now(), mac=mac, slot=member.slot)
        test.hosts = self._hosts(member)
        self._store(test)
        self._observe_running()
        self._look_later()
        return test

    def open(self, test: FilterTest) -> None:
        """Record when the device first opened the test's page. Later calls change nothing."""
        if test.opened is None:
            test.opened = self._home.loop.now()

    def report(self, test: FilterTest, reached: Mapping[str, bool]) -> None:
        """Record which hosts the device's browser reached (``reached``, by host name), while the test runs.

        Also record that the device has opened the test's page, and when all checks are reported.
        """
        self.open(test)
        for check in test.hosts:
            if check.host in reached and test.running:
                check.reached = reached[check.host]
        if test.reported is None and all(check.reached is not None for check in test.hosts if check.host):
            test.reported = self._home.loop.now()

    def end(self, test: FilterTest) -> None:
        """End a device test: decisions are no longer observed for it. The result can still be read."""
        self._end(test)
        self._observe_running()

    def notify(self, test: FilterTest) -> None:
        """Publish a ``proof`` event, so that pages show the change of a device test."""
        self._home.publish("proof", profile=test.profile, device=test.mac)

    def _end(self, test: FilterTest) -> None:
        if test.running:
            test.running, test.ended = False, self._home.local_now()

    def _look_later(self) -> None:
        """Start the timer that ends tests, unless it runs: restarted tests must not add timers."""
        if self._timer is None and any(test.method != "bypass" for test in self._all.values()):
            self._timer = self._home.loop.call_later(TICK, self._look)

    def _look(self) -> None:
        self._timer = None
        self._sweep()
        self._look_later()

    def _sweep(self) -> None:
        """End device tests that observed for SECONDS, and delete all but bypass tests after KEPT seconds."""
        now = self._home.loop.now()
        for key, test in list(self._all.items()):
            if test.method != "bypass" and now - test.began >= KEPT:
                del self._all[key]
            elif test.method == "device" and now - test.began >= SECONDS:
                self._end(test)
        self._observe_running()

    def _observe_running(self) -> None:
        """Set or remove the observer of decisions: it is set only while a device test runs.

        The packet path calls it for each decision.
        """
        running = any(test.running and test.hosts for test in self._all.values())
        self._observe(self._decided if running else None)

    def _decided(self, subject: Subject, seen: Observation, decision: Decision, at: datetime) -> None:  # noqa: ARG002
        for test in self._all.values():
            if test.slot == subject.slot and test.running:
                for check in test.hosts:
                    if seen.host and check.host == seen.host:
                        check.record(decision)

    def _hosts(self, member: Member) -> tuple[HostCheck, ...]:
        rules, now = self._home.rules, self._home.local_now()
        decide = _judge_at(member, now)
        country = rules.household.config.country
        help_hosts = [line.site for line in rules.help_lines(country) if line.site]
        refused = blocks_bypass(member.profile.rules, BypassMethod.ENCRYPTED_DNS)
        catalogue = rules.world.catalogue
        *sites, help_line = checks(member.profile, catalogue, decide, help_hosts, way_refused=refused)
        begins = Schedule(member.profile, rules.calendar).next_bedtime(now)
        then = None if begins is None else _judge_at(member, begins)("example.com")
        return (*sites, bedtime(decide, begins, then), help_line)


def _judge_at(member: Member, at: datetime) -> Callable[[str], Decision]:
    def decide(host: str) -> Decision:
        return member.judge.decide(question(host), member.situation, at)

    return decide


def _of_host(check: HostCheck) -> FilterCheck:
    return FilterCheck(
        id=check.topic.value,
        must_open=check.opens,
        outcome=check.outcome.value,
        fault=check.fault,
        reason=check.reason or "",
        host=check.host,
        name=check.name,
        at=check.at,
        evidence=DeviceEvidence(check.blocked, check.passed, check.reached),
    )


def _of_line(line: Mapping[str, Any]) -> FilterCheck | None:
    """Return the check in a line of output of `qalqan audit --steps`; None if the line is no check."""
    results = {version: line[version] for version in VERSIONS if isinstance(line.get(version), dict)}
    words = [result.get("found") for result in results.values()]
    if not words or not all(word == "absent" or word in OUTCOMES for word in words):
        return None
    must_open = line.get("must_pass") is True
    found = {version: OUTCOMES.get(result.get("found")) for version, result in results.items()}
    check = {
        "id": line.get("id"),
        "must_open": must_open,
        "setting": line.get("setting"),
        "fault": any(result.get("fault") is True for result in results.values()),
        "outcome": _worst({outcome for outcome in found.values() if outcome}, must_open=must_open),
        "reason": next((str(result["why"]) for result in results.values() if result.get("why")), ""),
        **found,
    }
    try:
        return decode(FilterCheck, check)
    except SchemaError:
        return None


def _worst(found: set[TestOutcome], *, must_open: bool) -> TestOutcome:
    """Return the worst of the outcomes over IPv4 and IPv6, for a check that ``must_open`` or must be blocked.

    The worst is the unwanted outcome, then ``untested``.
    """
    order: tuple[TestOutcome, ...] = ("blocked", "untested", "open") if must_open else (
        "open", "untested", "blocked",
    )  # fmt: skip
    return next((outcome for outcome in order if outcome in found), "untested")
