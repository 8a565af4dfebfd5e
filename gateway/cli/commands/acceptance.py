"""`qalqan acceptance`: tests what works on a freshly installed gateway, by default in at most two minutes.

It combines the findings of `qalqan check`, the state of the running daemon, and a part of the bypass test.
That part uses the rules of a guest, so no child needs to have rules yet.
"""

from __future__ import annotations

import os
import signal
import time
from argparse import Namespace
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType

from gateway import __version__
from gateway.check.findings import Finding, Severity, note, ok, problem, warning
from gateway.check.lists import how_to_update
from gateway.check.rulesets import TURN_OFF, offload_findings, read_rules
from gateway.check.run import findings_of
from gateway.cli import output
from gateway.cli.commands.audit import bypass_test_alone
from gateway.cli.settings import config_in_use, config_path, control_socket
from gateway.control.client import Client, Unreachable
from gateway.control.contract.lists import UpdatePlan
from gateway.control.contract.status import STATUS, HomeStatus
from gateway.control.verbs import UnexpectedAnswer
from gateway.core.errors import ControlError, GatewayError, KernelError, PolicyError
from gateway.core.memory import MachineMemory, machine_memory
from gateway.core.optional_packages import MissingPackageError
from gateway.filter_test.catalogue import CHECKS
from gateway.filter_test.checks import CheckOutcome, Result
from gateway.filter_test.report import counts, title_of
from gateway.household.config_file import read_router
from gateway.kernel.flowtable import has_flow_tables
from gateway.kernel.nft import Nft
from gateway.lists.tier import memory_shortage
from gateway.policy.config.config import Config, OffloadWish
from gateway.policy.profile.rules import GUEST

STARTS = 30.0  # seconds within which a daemon that was just started answers
EVERY = 0.5  # seconds between two tries to reach the daemon
MOST_MEMORY = 64 << 20  # bytes; a daemon uses about 40 MB and its lists of sites
LEAST_MEMORY = 4 << 20  # usable bytes; with less the kernel soon ends programs
MEGABYTE = 1 << 20

# Subjects of the findings of `qalqan check`, by line. All others are in the line "setup".
SUBJECTS = {
    "queue": ("nft", "queue", "marks"),
    "flow table": ("offload",),
    "clock": ("time",),
    "lists": ("lists",),
}
SETUP, DAEMON = "setup", "daemon"
FILTER_CHECKS = (
    "dns-gateway", "dns-gateway-tcp", "dns-other", "dns-other-tcp", "tls", "quic", "http", "parents-pages",
    "help", "time", "push", "pages",
)  # fmt: skip
_ORDER = tuple(Severity)


class AcceptanceTimeoutError(Exception):
    """Raised if the acceptance test takes longer than allowed.

    It is not a GatewayError: code of the test that catches GatewayError must not catch it.
    """


def run(args: Namespace) -> int:
    if args.within < 1:
        msg = f"--within {args.within}: the test needs at least one second"
        raise ControlError(msg)
    if os.geteuid() != 0:
        msg = "the acceptance test reads the kernel's rules and tests the filter; run it as root"
        raise ControlError(msg)
    began = time.monotonic()
    path = config_path(args)
    lines = []
    for finding in _findings(path, args.within):
        lines.append(finding)
        if not args.json:
            print(output.clean(finding), flush=True)
    accepted = all(finding.level is not Severity.ERROR for finding in lines)
    seconds = round(time.monotonic() - began)
    if args.json:
        output.as_json(
            {
                "ok": accepted,
                "seconds": seconds,
                "version": __version__,
                "results": list(map(_as_json, lines)),
            }
        )
    else:
        print(f"{'accepted' if accepted else 'not accepted'}, after {seconds} s")
    return 0 if accepted else 1


def _as_json(finding: Finding) -> dict[str, object]:
    """Return a finding of the acceptance test as JSON values, for a program that may send them on.

    The text, fix and values of a failed finding about setup or daemon are empty: they may contain the name of
    a child's file.
    """
    if finding.about in (SETUP, DAEMON) and not finding.ok:
        finding = replace(finding, text="", fix="", values={})
    return finding.as_json()


def _findings(path: Path, seconds: int) -> Iterator[Finding]:
    """Yield one finding for each subject of the acceptance test.

    After ``seconds`` the test is interrupted, and the last finding is an error. It is never interrupted while
    the caller handles a finding.
    """
    try:
        with _limited(seconds):
            for finding in _tested(path):
                with _alarm_deferred():
                    yield finding
    except AcceptanceTimeoutError:
        fix = "repeat it while the gateway does nothing else"
        yield problem("time limit", f"the test was not done in {seconds} s", fix, code="too_slow")


def _tested(path: Path) -> Iterator[Finding]:
    client, status = None, None
    try:
        config = config_in_use(path)
        client = Client(control_socket(config))
        status = _status(client)
    except GatewayError as error:
        yield problem(DAEMON, str(error), "see the log of the service", code="no_daemon")
    else:
        yield _daemon(status)
    checked = list(findings_of(path))
    if status is None or client is None:
        yield from (_worst(line, checked) for line in (SETUP, *SUBJECTS))
        return
    yield _worst(SETUP, checked)
    yield _flow_table(_worst("flow table", checked), config)
    yield memory_finding(status.memory.resident, status.lists, machine_memory())
    yield _clock(_worst("clock", checked), status)
    yield _lists(_worst("lists", checked), status.lists, config, needed=bool(status.profiles))
    yield _filter(client, config)
    # Last, so that the packets of the filter test count.
    yield _queue(_worst("queue", checked), client.ask(STATUS))


def _status(client: Client) -> HomeStatus:
    """Return the daemon's state. Wait up to STARTS seconds for a daemon that was just started.

    Raises ControlError if the daemon does not respond until then, refuses, or has another version.
    """
    end = time.monotonic() + STARTS
    while True:
        try:
            return client.ask(STATUS)
        except UnexpectedAnswer:
            raise
        except Unreachable:
            if time.monotonic() >= end:
                raise
            time.sleep(EVERY)


def _daemon(status: HomeStatus) -> Finding:
    if status.problems:
        more = "" if len(status.problems) == 1 else f" (and {len(status.problems) - 1} more)"
        code = status.coded_problems[0].code if status.coded_problems else "problems"
        return problem(DAEMON, f"{status.problems[0]}{more}", "run: qalqan status", code=code)
    if status.mode == "off":
        return warning(DAEMON, "filtering is off", "turn it on: qalqan on", code="filter_off")
    return ok(DAEMON, f"{status.version} runs for {status.uptime} s")


def _worst(line: str, checked: Iterable[Finding]) -> Finding:
    """Return the worst of the findings of `qalqan check` that belong to a subject of the acceptance test.

    ``line``: the subject, which becomes the finding's ``about``. ``checked``: all findings. If none belongs
    to the subject, the result is an error. For "setup" without problems it is an OK with their number.
    """
    others = {subject for subjects in SUBJECTS.values() for subject in subjects}
    own = [
        finding
        for finding in checked
        if (finding.about in SUBJECTS[line] if line in SUBJECTS else finding.about not in others)
    ]
    if not own:
        return problem(line, "the check found nothing out", "run: qalqan check", code="unread")
    worst = max(own, key=lambda finding: _ORDER.index(finding.level))
    if worst.ok and line not in SUBJECTS:
        return ok(line, f"{len(own)} findings, none needs an action")
    more = sum(not finding.ok for finding in own) - 1
    about = f"{worst.about}: " if line not in SUBJECTS else ""
    end = f" (and {more} more; run: qalqan check)" if more > 0 else ""
    return replace(worst, about=line, text=f"{about}{worst.text}{end}")


def _queue(checked: Finding, status: HomeStatus) -> Finding:
    if not checked.ok:
        return checked
    packets, failed, dropped = (
        sum(getattr(queue, key) for queue in status.queue.values())
        for key in ("packets", "faults", "dropped")
    )
    if failed:
        text = f"{failed} of {packets} packets met a fault of the program"
        return problem("queue", text, "send the file of: qalqan support", code="faults")
    if dropped:
        text = f"{dropped} of {packets} packets were dropped: the machine was too slow for them"
        return warning("queue", text, "look for other programs that use the processor", code="dropped")
    each = status.rates.judged
    return ok("queue", f"{status.backend}; {packets} packets, none dropped; {each:,} a second are possible")


def _flow_table(checked: Finding, config: Config) -> Finding:
    if not checked.ok:
        return checked
    later = _later_offload()
    if later is not None:
        return later
    if config.offload is OffloadWish.OFF:
        return ok("flow table", f"{checked.text}; Qalqan's own is off (offload: off)")
    try:
        nft = Nft()
    except KernelError as error:
        return problem("flow table", str(error), "install nftables", code="no_queue")
    try:
        if has_flow_tables(nft):
            return ok("flow table", "the kernel has one for devices that are not filtered")
    finally:
        nft.close()
    text = "the kernel has none: all devices share the speed of the filter"
    return warning("flow table", text, "install kmod-nft-offload, or set offload: off", code="no_flow_table")


def _later_offload() -> Finding | None:
    """Return a warning if flow offloading outside Qalqan will bypass the rules of the first child.

    `qalqan check` does not report it as a problem until a person has rules. Return None if there is no such
    offloading, or if the service then turns it off (UCI option ``firewall_offload``).
    """
    try:
        router = read_router()
    except PolicyError:  # the line "setup" reports it
        router = None
    by_service = router is not None and router.firewall_offload == "off"
    for finding in offload_findings(read_rules(), filters=True):
        if not finding.ok and not (by_service and finding.fix == TURN_OFF):
            text = f"{finding.text}, once a person has some"
            return replace(finding, level=Severity.WARNING, about="flow table", text=text)
    return None


def memory_finding(resident: int, plan: UpdatePlan, memory: MachineMemory) -> Finding:
    """Return a finding: whether the daemon and an update of its lists fit the machine's memory.

    ``resident``: bytes that the daemon uses. ``plan``: the update. If ``memory.usable`` is 0, the kernel does
    not report it, and only ``resident`` is checked.
    """
    shown = f"the daemon uses {resident // MEGABYTE} MB, {memory.usable // MEGABYTE} MB are available"
    if 0 < memory.usable < LEAST_MEMORY:
        return problem("memory", shown, "take packages out, or use a smaller list tier", code="no_memory")
    shortage = memory_shortage(plan.tier, memory.usable, has_feed=plan.feed is not None)
    if shortage:
        text, _, fix = shortage.partition("; ")
        return warning("memory", text, fix, code="little_memory")
    if resident > MOST_MEMORY:
        return warning("memory", shown, "send the file of: qalqan support", code="much_memory")
    return ok("memory", shown)


def _clock(checked: Finding, status: HomeStatus) -> Finding:
    if checked.level is Severity.ERROR or status.clock.known:
        return checked
    text = f"the daemon does not know the time ({status.clock.why}): the strictest times apply"
    return warning("clock", text, "give it a time server that it reaches", code="clock_unknown")


def _lists(checked: Finding, plan: UpdatePlan, config: Config, *, needed: bool) -> Finding:
    if not checked.ok or plan.newest is not None:
        return checked
    if needed:
        text = "none was downloaded yet: most sites of blocked categories are open"
        return warning("lists", text, how_to_update(config), code="lists_none")
    text = f"{checked.text}; published lists follow once a child has a profile (tier {plan.tier})"
    return note("lists", text, "to try now: qalqan lists update", code="lists_later")


def _filter(client: Client, config: Config) -> Finding:
    chosen = [check for check in CHECKS if check.id in FILTER_CHECKS]
    try:
        test = bypass_test_alone(client, config, GUEST, chosen)
    except MissingPackageError as error:
        return warning("filter", f"not tested: {error}", "install it for the test", code="untested")
    except GatewayError as error:
        return problem("filter", f"not tested: {error}", "run: qalqan audit guest", code="untested")
    return filter_finding(test.results)


def filter_finding(results: Sequence[Result]) -> Finding:
    """Return a finding from the filter test's results: whether each check was blocked or passed as it should.

    It is an error for a wrong result, or if nothing was blocked. It is a warning if a check could not decide;
    an error if, in addition, none was blocked or none passed.
    """
    number, fix = counts(results), "run: qalqan audit guest"
    wrong = [result for result in results if result.fault]
    if wrong:
        what = "is blocked" if wrong[0].check.passes else "is not blocked"
        text = f"{_titled(wrong[0])} {what} ({len(wrong)} faults)"
        return problem("filter", text, fix, code="filter_faults")
    untested = [result for result in results if result.found is CheckOutcome.UNKNOWN]
    text = f"{number['closed']} tests blocked and {number['passes']} passed, as they should"
    if untested:
        first = untested[0]
        text = f"{len(untested)} tests could not decide: {_titled(first)}: {first.why}; {text}"
        level = warning if number["closed"] and number["passes"] else problem
        return level("filter", text, fix, code="untested")
    if not number["closed"]:
        return problem("filter", "nothing was blocked", fix, code="untested")
    return ok("filter", text)


def _titled(result: Result) -> str:
    return f"{title_of(result.check)} (IPv{result.version})"


@contextmanager
def _limited(seconds: int) -> Iterator[None]:
    """Raise AcceptanceTimeoutError in the block after ``seconds``, by an alarm signal."""

    def end(_number: int, _frame: FrameType | None) -> None:
        raise AcceptanceTimeoutError

    before = signal.signal(signal.SIGALRM, end)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def _alarm_deferred() -> Iterator[None]:
    """Hold back an alarm signal in the block. The signal is handled at its end."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGALRM})
