"""`qalqan replay`: applies the rules of a profile to a capture."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from socket import AF_INET, AF_INET6, inet_ntop
from typing import Any
from zoneinfo import ZoneInfo

from gateway.cli import output
from gateway.cli.rule_files import rules_of_profile
from gateway.policy.judge.why import parse_moment
from gateway.replay.engine import FrameTally, Replay, ReplayedRequest
from gateway.replay.frames import CaptureError, frames, open_capture
from gateway.wire.ip.capture import Frame

STANDARD_INPUT = "-"


def run(args: Namespace) -> int:
    """Print the decisions. Raises CaptureError for a damaged capture, after its readable part is printed."""
    rules = rules_of_profile(args, args.profile)
    zone = rules.config.zone
    replay = Replay(
        rules.profile,
        rules.world,
        rules.calendar,
        _printer(zone, as_json=args.json),
        now=datetime.now(UTC),
        at=parse_moment(args.at, zone) if args.at else None,
        ech_names=rules.product.ech_names,
    )
    if args.capture == STANDARD_INPUT:
        _read(frames(partial(os.read, sys.stdin.fileno()), "standard input"), replay, live=True)
    else:
        with open_capture(args.capture) as file:
            _read(frames(file.read, args.capture), replay)
    return 0


def _read(capture: Iterator[Frame], replay: Replay, *, live: bool = False) -> None:
    try:
        for frame in capture:
            replay.frame(frame)
            if live:
                sys.stdout.flush()
    except CaptureError as error:
        # Flush first, so that the error comes after the printed decisions.
        sys.stdout.flush()
        msg = "; ".join(filter(None, (str(error), _left_out(replay.tally))))
        raise CaptureError(msg) from error
    sys.stdout.flush()
    left = _left_out(replay.tally)
    if left:
        output.problem(left)


def _left_out(tally: FrameTally) -> str:
    """Return a message about frames that could not be read; empty if there are none."""
    counts = (
        (tally.cut, "cut by the snapshot length (capture with -s 0)"),
        (tally.broken, "broken"),
        (tally.decoys, "with a wrong checksum"),
        (tally.foreign, "on an unsupported link type (capture on Ethernet, `any`, or raw IP)"),
    )
    reasons = ", ".join(f"{number} {what}" for number, what in counts if number)
    return f"of {tally.frames} frames skipped: {reasons}" if reasons else ""


def _printer(zone: ZoneInfo, *, as_json: bool) -> Callable[[ReplayedRequest], None]:
    def print_json(asked: ReplayedRequest) -> None:
        output.as_json(as_object(asked, zone))

    def print_line(asked: ReplayedRequest) -> None:
        values = as_object(asked, zone)
        ends = f"{_end(values['src'], values['sport'])} > {_end(values['dst'], values['dport'])}"
        time = values["time"] or "-"
        print(
            f"{time:32}  {values['proto']:4}  {values['verdict']:7}  {_what(values):30}  "
            f"{values['reason']} ({output.clean(values['rule'])})  {ends}"
        )

    return print_json if as_json else print_line


def as_object(asked: ReplayedRequest, zone: ZoneInfo) -> dict[str, Any]:
    """Return the object of one line of `replay --json`."""
    decision = asked.decision
    time = None if asked.time is None else datetime.fromtimestamp(asked.time, zone)
    return {
        "time": None if time is None else time.isoformat(timespec="microseconds"),
        "proto": str(asked.proto),
        "src": _address(asked.src),
        "sport": asked.sport,
        "dst": _address(asked.dst),
        "dport": asked.dport,
        "host": asked.host,
        "verdict": str(decision.verdict),
        "reason": str(decision.reason),
        "rule": decision.rule,
        "services": [] if decision.recognised is None else list(decision.recognised.services),
        "sign": None if decision.recognised is None else str(decision.recognised.sign),
    }


def _what(values: dict[str, Any]) -> str:
    """Return the host of a line, or the services that were recognised without one; ``-`` for neither."""
    return values["host"] or ",".join(f"service:{service}" for service in values["services"]) or "-"


def _address(packed: bytes) -> str:
    return inet_ntop(AF_INET if len(packed) == 4 else AF_INET6, packed)


def _end(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
