"""`qalqan audit`: each way around the filter, tried against the rules that run."""

from __future__ import annotations

import fcntl
import os
from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.commands import output
from gateway.commands.settings import config_path, control_socket, read_config
from gateway.control.client import Client
from gateway.errors import ControlError

if TYPE_CHECKING:
    from gateway.audit.checks import Check
    from gateway.policy.config import Config

_LOCK = "audit.lock"  # in the runtime directory


def run(args: Namespace) -> int:
    from gateway.audit import report
    from gateway.audit.run import audit

    chosen = _chosen(args)
    if args.list:
        output.rows(
            ((one.id, one.group, one.title, one.closes or "-") for one in chosen),
            ("CHECK", "GROUP", "WHAT", "CLOSED BY"),
        )
        return 0
    if os.geteuid() != 0:
        msg = "the audit needs root: it makes network namespaces and routes; run it as root"
        raise ControlError(msg)
    config = read_config(config_path(args))
    client = Client(control_socket(config))
    children = client.call("status")["profiles"]
    whom = [args.who] if args.who else [one["id"] for one in children]
    if not whom:
        msg = "there is no child whose rules could be tried; write a profile first"
        raise ControlError(msg)
    done = []
    with _alone(config):
        for who in whom:
            one = audit(client, config, who, chosen)
            done.append(one)
            if not args.json:
                for line in report.table(one.scene, one.results, one.remarks):
                    print(output.clean(line))
                print()
    if args.json:
        output.as_json({"audits": [report.as_json(one.scene, one.results, one.remarks) for one in done]})
    return int(any(result.fault for one in done for result in one.results))


def _chosen(args: Namespace) -> Sequence[Check]:
    from gateway.audit.catalogue import CHECKS

    if not args.only:
        return CHECKS
    known = {one.id for one in CHECKS}
    unknown = [one for one in args.only if one not in known]
    if unknown:
        msg = f"there is no check {unknown[0]}; see: qalqan audit --list"
        raise ControlError(msg)
    return [one for one in CHECKS if one.id in args.only]


@contextmanager
def _alone(config: Config) -> Iterator[None]:
    """One audit at a time: they would meet in the same links and routes."""
    file = Path(config.runtime, _LOCK)
    number = os.open(file, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            msg = "another audit runs; wait until it has ended"
            raise ControlError(msg) from None
        yield
    finally:
        os.close(number)
