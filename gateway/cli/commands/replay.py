"""`qalqan replay`: applies the rules of a profile to a capture."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from socket import AF_INET, AF_INET6, inet_ntop
from typing import Any
from zoneinfo import ZoneInfo

from gateway.cli import output
from gateway.cli.rule_files import rules_of_profile
from gateway.policy.judge.why import parse_moment
from gateway.replay.engine import FrameDefect, FrameTally, Replay, ReplayedRequest, UnreadFrame
from gateway.replay.frames import CaptureError, frames, open_capture
from gateway.wire.ip.capture import Frame

STANDARD_INPUT = "-"
DROPPED = frozenset({FrameDefect.MALFORMED, FrameDefect.CHECKSUM})
"""Defects of frames that the daemon drops. For the others, the capture lacks data, so no verdict is known."""


def run(args: Namespace) -> int:
    """Print the decisions about the connections and queries in a capture, by the rules of a profile.

    Return 0. Raises CaptureError for a damaged capture, after the decisions of its readable part are printed.
    Raises PolicyError if the profile, the configuration or ``--at`` cannot be used.
    """
    rules = rules_of_profile(args, args.profile)
    zone = rules.config.zone
    show = output.as_json if args.json else _print_line
    replay = Replay(
        rules.profile,
        rules.world,
        rules.calendar,
        lambda asked: show(as_object(asked, zone)),
        now=datetime.now(UTC),
        at=parse_moment(args.at, zone) if args.at else None,
        ech_names=rules.product.ech_names,
        unread=lambda frame: show(unread_object(frame, zone)),
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
    """Return a message with the number of skipped frames by reason; empty if all were read."""
    counts = (
        (tally.cut, "cut by the snapshot length (capture with -s 0)"),
        (tally.broken, "broken"),
        (tally.decoys, "with a wrong checksum"),
        (tally.foreign, "on an unsupported link type (capture on Ethernet, `any`, or raw IP)"),
    )
    reasons = ", ".join(f"{number} {what}" for number, what in counts if number)
    return f"of {tally.frames} frames skipped: {reasons}" if reasons else ""


def _print_line(values: dict[str, Any]) -> None:
    known = values["src"] is not None
    ends = f"{_end(values['src'], values['sport'])} > {_end(values['dst'], values['dport'])}" if known else ""
    line = (
        f"{values['time'] or '-':32}  {values['proto']:5}  {values['verdict'] or '-':7}  {_what(values):30}  "
        f"{values['reason']} ({output.clean(values['rule'])})  {ends}"
    )
    print(line.rstrip())


def as_object(asked: ReplayedRequest, zone: ZoneInfo) -> dict[str, Any]:
    """Return a decision as the JSON object of one line of ``qalqan replay --json``.

    The other lines are about frames that cannot be read (`unread_object`).
    """
    decision = asked.decision
    return {
        "time": _time(asked.time, zone),
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


def unread_object(frame: UnreadFrame, zone: ZoneInfo) -> dict[str, Any]:
    """Return the JSON object of one line of ``qalqan replay --json``, about a frame that cannot be read."""
    src, sport, dst, dport = frame.ends or (None, 0, None, 0)
    return {
        "time": _time(frame.time, zone),
        "proto": "frame",
        "src": None if src is None else _address(src),
        "sport": sport,
        "dst": None if dst is None else _address(dst),
        "dport": dport,
        "host": None,
        "verdict": "block" if frame.defect in DROPPED else None,
        "reason": str(frame.defect),
        "rule": f"frame {frame.number}",
        "services": [],
        "sign": None,
    }


def _time(seconds: float | None, zone: ZoneInfo) -> str | None:
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, zone).isoformat(timespec="microseconds")


def _what(values: dict[str, Any]) -> str:
    """Return what a line of ``qalqan replay`` is about: a host, or services recognised without one.

    ``-`` for neither.
    """
    return values["host"] or ",".join(f"service:{service}" for service in values["services"]) or "-"


def _address(packed: bytes) -> str:
    return inet_ntop(AF_INET if len(packed) == 4 else AF_INET6, packed)


def _end(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
