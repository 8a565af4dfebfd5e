"""`qalqan replay`: what a profile's rules make of a capture."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from socket import AF_INET, AF_INET6, inet_ntop
from typing import Any, BinaryIO
from zoneinfo import ZoneInfo

from gateway.commands import output
from gateway.commands.homes import rules_of_profile
from gateway.policy.why import parse_moment
from gateway.replay.engine import Asked, Replay, Tally
from gateway.replay.frames import CaptureError, CaptureFile

STANDARD_INPUT = "-"


def run(args: Namespace) -> int:
    """0 for a capture that is merely cut: all that is whole was read."""
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
        read = partial(_read, "standard input", partial(os.read, sys.stdin.fileno()))
        return _judge(CaptureFile(read, "standard input"), replay, live=True)
    with _opened(args.capture) as file:
        return _judge(CaptureFile(partial(_read, args.capture, file.read), args.capture), replay)


def _opened(name: str) -> BinaryIO:
    try:
        return Path(name).open("rb")
    except OSError as error:
        raise _unreadable(name, error) from error


def _read(name: str, read: Callable[[int], bytes], size: int) -> bytes:
    """Its errors are the capture's; those of writing are not."""
    try:
        return read(size)
    except OSError as error:
        raise _unreadable(name, error) from error


def _unreadable(name: str, error: OSError) -> CaptureError:
    return CaptureError(f"{name}: cannot be read ({error.strerror}); give a pcap or pcapng file")


def _judge(capture: CaptureFile, replay: Replay, *, live: bool = False) -> int:
    try:
        for frame in capture:
            replay.frame(frame)
            if live:
                sys.stdout.flush()
    finally:
        # What was read is told before what ended it.
        sys.stdout.flush()
        left = _left_out(replay.tally)
        if left:
            output.problem(left)
    if capture.cut:
        output.problem(capture.cut)
    return 0


def _left_out(tally: Tally) -> str:
    """One line about frames that could not be read; empty where there are none."""
    counts = (
        (tally.cut, "cut by the snapshot length (capture with -s 0)"),
        (tally.broken, "broken"),
        (tally.decoys, "with a wrong checksum"),
        (tally.foreign, "on a link that is not read (capture on Ethernet, `any`, or raw IP)"),
    )
    told = ", ".join(f"{number} {what}" for number, what in counts if number)
    return f"of {tally.frames} frames passed over: {told}" if told else ""


def _printer(zone: ZoneInfo, *, as_json: bool) -> Callable[[Asked], None]:
    def tell_json(asked: Asked) -> None:
        output.as_json(as_object(asked, zone))

    def tell_line(asked: Asked) -> None:
        one = as_object(asked, zone)
        ends = f"{_end(one['src'], one['sport'])} > {_end(one['dst'], one['dport'])}"
        time = one["time"] or "-"
        print(
            f"{time:32}  {one['proto']:4}  {one['verdict']:7}  {one['host'] or '-':30}  "
            f"{one['reason']} ({output.clean(one['rule'])})  {ends}"
        )

    return tell_json if as_json else tell_line


def as_object(asked: Asked, zone: ZoneInfo) -> dict[str, Any]:
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
