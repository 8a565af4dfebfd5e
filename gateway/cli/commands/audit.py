"""`qalqan audit`: the bypass test, which tries each bypass method against the rules in force."""

from __future__ import annotations

import fcntl
import json
import os
import signal
from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from gateway.cli import output
from gateway.cli.settings import config_in_use, config_path, control_socket
from gateway.control.client import Client
from gateway.control.contract.status import STATUS
from gateway.core.errors import ControlError
from gateway.core.optional_packages import require

if TYPE_CHECKING:
    from gateway.filter_test.checks import MethodCheck
    from gateway.filter_test.run import BypassTest
    from gateway.policy.config.config import Config

WRONG_USAGE = 2
NICE = 10  # of a bypass test that the daemon started: packets go first
_LOCK = "audit.lock"  # in the runtime directory
_HEAD = ("CHECK", "GROUP", "WHAT IS TRIED", "BLOCKED BY")


def run(args: Namespace) -> int:
    from gateway.filter_test.catalogue import CHECKS

    known = {check.id for check in CHECKS}
    unknown = [name for name in args.only or () if name not in known]
    if unknown:
        output.problem(f"there is no check {unknown[0]}; see: qalqan audit --list")
        return WRONG_USAGE
    chosen = [check for check in CHECKS if not args.only or check.id in args.only]
    if args.list:
        _print_list(chosen, as_json=args.json)
        return 0
    if os.geteuid() != 0:
        msg = "the bypass test creates network namespaces and routes; run it as root"
        raise ControlError(msg)
    require("cryptography", "bypass tests")
    if args.steps:
        os.nice(NICE)
    config = config_in_use(config_path(args))
    client = Client(control_socket(config))
    with _alone(config), _ended_by_signals():
        done = list(_bypass_tests(args, client, config, chosen))
    if args.steps:
        _print_steps(done)
        return 0  # a found bypass is not a failure of the process
    if args.json:
        _print_json(done)
    return int(any(result.fault for test in done for result in test.results))


def _bypass_tests(
    args: Namespace, client: Client, config: Config, chosen: Sequence[MethodCheck]
) -> Iterator[BypassTest]:
    from gateway.filter_test import report
    from gateway.filter_test.run import bypass_test

    whom = [args.who] if args.who else [child.id for child in client.ask(STATUS).profiles]
    if not whom:
        msg = "there is no child whose rules could be tested; write a profile first"
        raise ControlError(msg)
    for who in whom:
        result = bypass_test(client, config, who, chosen)
        if not (args.json or args.steps):
            for line in report.table(result.scene, result.results, result.remarks):
                print(output.clean(line))
            print()
        yield result


def _print_list(chosen: Sequence[MethodCheck], *, as_json: bool) -> None:
    from gateway.filter_test.report import group_title_of, title_of

    if as_json:  # with the keys of the report of a test
        checks = [
            {
                "id": check.id,
                "title": title_of(check),
                "group": group_title_of(check),
                "setting": check.closes or None,
            }
            for check in chosen
        ]
        output.as_json({"checks": checks})
        return
    rows = ((check.id, group_title_of(check), title_of(check), check.closes or "-") for check in chosen)
    output.rows(rows, _HEAD)


def _print_json(done: Sequence[BypassTest]) -> None:
    from gateway.filter_test import report

    output.as_json({"audits": [report.as_json(test.scene, test.results, test.remarks) for test in done]})


def _print_steps(done: Sequence[BypassTest]) -> None:
    """Print one JSON line for each check of the bypass test. The daemon reads these lines."""
    from gateway.filter_test import report

    for test in done:
        for check in report.as_json(test.scene, test.results, test.remarks)["checks"]:
            print(json.dumps(check), flush=True)


def bypass_test_alone(client: Client, config: Config, who: str, chosen: Sequence[MethodCheck]) -> BypassTest:
    """Run the bypass test with the rules for ``who``, and return its result. Only one test runs at a time.

    ``who``: a profile's id or name, ``guest``, or a device's MAC address. ``chosen``: the checks to
    run. Raises GatewayError, also if another test runs.
    """
    from gateway.filter_test.run import bypass_test

    require("cryptography", "bypass tests")
    with _alone(config), _ended_by_signals():
        return bypass_test(client, config, who, chosen)


@contextmanager
def _alone(config: Config) -> Iterator[None]:
    """Lock a file in the block, so that only one bypass test runs: two would use the same links and routes.

    Raises ControlError if another test runs, or if the daemon's runtime directory does not exist.
    """
    try:
        number = os.open(Path(config.runtime, _LOCK), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except FileNotFoundError:
        msg = f"the daemon is not running ({config.runtime} does not exist); start it: qalqan run"
        raise ControlError(msg) from None
    try:
        _lock(number)
        yield
    finally:
        os.close(number)


def _lock(number: int) -> None:
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        msg = "another bypass test is running; wait until it has ended"
        raise ControlError(msg) from None


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Raise KeyboardInterrupt on SIGTERM and SIGHUP in the block: the test then removes its links and routes.

    The previous handlers are restored at the end of the block.
    """
    before = {number: signal.signal(number, _interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
