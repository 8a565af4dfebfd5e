"""`qalqan audit`: each way around the filter, tried against the rules that run."""

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
from gateway.cli.settings import config_path, control_socket, read_config
from gateway.control.client import Client
from gateway.core.errors import ControlError
from gateway.core.optional_packages import require

if TYPE_CHECKING:
    from gateway.audit.checks import Check
    from gateway.audit.run import Audit
    from gateway.policy.config.config import Config

WRONG_USAGE = 2
NICE = 10  # of an audit that the daemon started: packets go first
_LOCK = "audit.lock"  # in the runtime directory
_HEAD = ("CHECK", "GROUP", "WHAT IS TRIED", "CLOSED BY")


def run(args: Namespace) -> int:
    from gateway.audit.catalogue import CHECKS

    known = {one.id for one in CHECKS}
    unknown = [one for one in args.only or () if one not in known]
    if unknown:
        output.problem(f"there is no check {unknown[0]}; see: qalqan audit --list")
        return WRONG_USAGE
    chosen = [one for one in CHECKS if not args.only or one.id in args.only]
    if args.list:
        output.rows(((one.id, one.group, one.title, one.closes or "-") for one in chosen), _HEAD)
        return 0
    if os.geteuid() != 0:
        msg = "the audit makes network namespaces and routes of its own; run it as root"
        raise ControlError(msg)
    require("cryptography", "audits")
    if args.steps:
        os.nice(NICE)
    config = read_config(config_path(args))
    client = Client(control_socket(config))
    with _alone(config), _ended_by_signals():
        done = list(_audits(args, client, config, chosen))
    if args.steps:
        _print_steps(done)
        return 0  # that something is open is no failure to the daemon
    if args.json:
        _print_json(done)
    return int(any(result.fault for one in done for result in one.results))


def _audits(args: Namespace, client: Client, config: Config, chosen: Sequence[Check]) -> Iterator[Audit]:
    from gateway.audit import report
    from gateway.audit.run import audit

    whom = [args.who] if args.who else [one["id"] for one in client.call("status")["profiles"]]
    if not whom:
        msg = "there is no child whose rules could be tried; write a profile first"
        raise ControlError(msg)
    for who in whom:
        one = audit(client, config, who, chosen)
        if not (args.json or args.steps):
            for line in report.table(one.scene, one.results, one.remarks):
                print(output.clean(line))
            print()
        yield one


def _print_json(done: Sequence[Audit]) -> None:
    from gateway.audit import report

    output.as_json({"audits": [report.as_json(one.scene, one.results, one.remarks) for one in done]})


def _print_steps(done: Sequence[Audit]) -> None:
    """For the daemon, which reads each line as it comes."""
    from gateway.audit import report

    for one in done:
        for check in report.as_json(one.scene, one.results, one.remarks)["checks"]:
            print(json.dumps(check), flush=True)


@contextmanager
def _alone(config: Config) -> Iterator[None]:
    """One audit at a time: two would meet in the same links and routes."""
    try:
        number = os.open(Path(config.runtime, _LOCK), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except FileNotFoundError:
        msg = f"the daemon does not run ({config.runtime} is not there); start it: qalqan run"
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
        msg = "another audit runs; wait until it has ended"
        raise ControlError(msg) from None


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """A terminal that closes and a kind kill end it as Ctrl-C does: everything is taken down."""
    before = {one: signal.signal(one, _interrupt) for one in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
