"""`qalqan replay`: what a profile's rules make of a capture."""

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
from gateway.replay.engine import Replay
from gateway.replay.frames import CaptureError, frames, open_capture
from gateway.replay.output import FrameTally, ReplayedRequest
from gateway.wire.ip.capture import Frame

STANDARD_INPUT = "-"


def run(args: Namespace) -> int:
    """Raises CaptureError for a capture that is cut or broken, when all that is whole was told."""
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
        # One line says all, and what was read is told before it.
        sys.stdout.flush()
        msg = "; ".join(filter(None, (str(error), _left_out(replay.tally))))
        raise CaptureError(msg) from error
    sys.stdout.flush()
    left = _left_out(replay.tally)
    if left:
        output.problem(left)


def _left_out(tally: FrameTally) -> str:
    """About frames that could not be read; empty where there are none."""
    counts = (
        (tally.cut, "cut by the snapshot length (capture with -s 0)"),
        (tally.broken, "broken"),
        (tally.decoys, "with a wrong checksum"),
        (tally.foreign, "on a link that is not read (capture on Ethernet, `any`, or raw IP)"),
    )
    told = ", ".join(f"{number} {what}" for number, what in counts if number)
    return f"of {tally.frames} frames passed over: {told}" if told else ""


def _printer(zone: ZoneInfo, *, as_json: bool) -> Callable[[ReplayedRequest], None]:
    def tell_json(asked: ReplayedRequest) -> None:
        output.as_json(as_object(asked, zone))

    def tell_line(asked: ReplayedRequest) -> None:
        one = as_object(asked, zone)
        ends = f"{_end(one['src'], one['sport'])} > {_end(one['dst'], one['dport'])}"
        time = one["time"] or "-"
        print(
            f"{time:32}  {one['proto']:4}  {one['verdict']:7}  {one['host'] or '-':30}  "
            f"{one['reason']} ({output.clean(one['rule'])})  {ends}"
        )

    return tell_json if as_json else tell_line


def as_object(asked: ReplayedRequest, zone: ZoneInfo) -> dict[str, Any]:
    """The object of one line of `replay --json`."""
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
    }


def _address(packed: bytes) -> str:
    return inet_ntop(AF_INET if len(packed) == 4 else AF_INET6, packed)


def _end(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
