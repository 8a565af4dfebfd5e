"""Filter tests from a child's device: records the decisions about a few sites while the device opens them.

A test is in memory only, at any log level, and nothing of it is recorded. It observes decisions for three
minutes. Its result can be read for ten.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from gateway.core.errors import ControlError
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
from gateway.policy.values import Decision, Observation

SECONDS = 180  # that a test observes decisions
KEPT = 600  # seconds that its lines can be read
MOST = 8  # tests at the same time: more than a family runs, a few hundred bytes each
TICK = 15  # seconds between two looks at which tests are over


class DeviceTest:
    """The test of one child on one device: its checks and progress. Times are of the loop's clock."""

    def __init__(self, member: Member, mac: str, lines: tuple[HostCheck, ...], began: float) -> None:
        self.profile = member.profile.id
        self.mac = mac
        self.slot = member.slot
        self.lines = lines
        self.began = began
        self.begun: float | None = None  # when the device opened the test's page
        self.ended: float | None = None  # when the device had reported all lines
        self.over = False

    def left(self, now: float) -> int:
        """Return the seconds for which the test still observes decisions; 0 if it is over."""
        return 0 if self.over else max(0, round(self.began + SECONDS - now))

    @property
    def took(self) -> int | None:
        """The seconds that the device needed for all checks; None until it has reported them."""
        if self.begun is None or self.ended is None:
            return None
        return max(1, round(self.ended - self.begun))


class DeviceTests:
    """Starts and ends filter tests, and records the decisions about their sites.

    ``observe`` sets who receives the decisions of the packet path.
    """

    def __init__(self, home: HomeContext, observe: Callable[[Sink | None], None]) -> None:
        self._home = home
        self._observe = observe
        self._all: dict[str, DeviceTest] = {}  # by MAC, the oldest first
        self._timer: Timer | None = None

    def start(self, member: Member, mac: str) -> DeviceTest:
        """Start a test on a device in place of its last one, and return it.

        Raises ControlError if too many run.
        """
        self.sweep()
        others = [proof for key, proof in self._all.items() if key != mac and not proof.over]
        if len(others) >= MOST:
            msg = "proof: others run; wait until one has ended"
            raise ControlError(msg).coded(Code.BUSY)
        self._all.pop(mac, None)
        while len(self._all) >= MOST:
            self._all.pop(next(key for key, proof in self._all.items() if proof.over))
        proof = self._all[mac] = DeviceTest(member, mac, self._lines(member), self._home.loop.now())
        self._observe_running()
        self._look_later()
        return proof

    def _look_later(self) -> None:
        """Start the timer that ends tests, unless it runs: restarted tests must not add timers."""
        if self._all and self._timer is None:
            self._timer = self._home.loop.call_later(TICK, self._look)

    def _look(self) -> None:
        self._timer = None
        self.sweep()
        self._look_later()

    def of_device(self, mac: str) -> DeviceTest | None:
        """Return the last test on a device; None if there is none within KEPT seconds."""
        self.sweep()
        return self._all.get(mac)

    def of_child(self, profile: str) -> DeviceTest | None:
        """Return the last test of a profile; None if there is none within KEPT seconds."""
        self.sweep()
        return next((proof for proof in reversed(self._all.values()) if proof.profile == profile), None)

    def begin(self, proof: DeviceTest) -> None:
        """Record when the device first opened the test's page."""
        if proof.begun is None:
            proof.begun = self._home.loop.now()

    def report(self, proof: DeviceTest, reached: Mapping[str, bool]) -> None:
        """Record which hosts the device's browser reached."""
        self.begin(proof)
        now = self._home.loop.now()
        for line in proof.lines:
            if line.host in reached and not proof.over:
                line.reached = reached[line.host]
        if proof.ended is None and all(line.reached is not None for line in proof.lines if line.host):
            proof.ended = now

    def end(self, proof: DeviceTest) -> None:
        """Stop observing decisions for a test. The result can still be read."""
        proof.over = True
        self._observe_running()

    def sweep(self) -> None:
        """End tests that observed for SECONDS, and drop results older than KEPT seconds."""
        now = self._home.loop.now()
        for proof in [proof for proof in self._all.values() if now - proof.began >= KEPT]:
            del self._all[proof.mac]
        for proof in self._all.values():
            proof.over = proof.over or now - proof.began >= SECONDS
        self._observe_running()

    def _observe_running(self) -> None:
        """Observe decisions only while a test runs: the packet path calls the observer for each one."""
        running = any(not proof.over for proof in self._all.values())
        self._observe(self._decided if running else None)

    def _decided(self, subject: Subject, seen: Observation, decision: Decision, at: datetime) -> None:  # noqa: ARG002
        for proof in self._all.values():
            if proof.slot == subject.slot and not proof.over:
                for line in proof.lines:
                    if seen.host and line.host == seen.host:
                        line.record(decision)

    def _lines(self, member: Member) -> tuple[HostCheck, ...]:
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
