"""`why` and `replay`: what the rules say, without a daemon."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import datetime
from typing import Any

from gateway.commands.rulebook import RuleBook, read
from gateway.errors import GatewayError, PolicyError, WireError
from gateway.policy.sentence import sentence
from gateway.policy.why import as_json, parse_host, parse_moment
from gateway.policy.why import why as ask

CHUNK = 1 << 18


def _moment(args: argparse.Namespace, rules: RuleBook) -> datetime | None:
    return parse_moment(args.at, rules.zone) if args.at else None


def why(args: argparse.Namespace) -> int:
    rules = read(args.config, args.profile)
    profile = rules.profile(args.profile) if args.profile else rules.device(args.device)
    host = parse_host(args.host)
    at = _moment(args, rules) or datetime.now(rules.zone)
    decision = ask(rules.judge(profile), host, at)
    if args.json:
        print(json.dumps(as_json(host, at, decision), ensure_ascii=False))
        return 0
    print(f"{host}, for {profile.name}, {at:%Y-%m-%d %H:%M}: {decision.verdict} ({decision.reason})")
    print(sentence(decision, host, at.astimezone(rules.zone), rules.names))
    print(f"rule: {decision.rule} (owner: {decision.owner})")
    for step in decision.passed:
        print(f"  {step.rule}: {step.outcome}")
    return 0


def replay(args: argparse.Namespace) -> int:
    from gateway.daemon.rules import ECH_NAMES
    from gateway.replay import Replay
    from gateway.wire.capture import CaptureReader

    rules = read(args.config, args.profile)
    profile = rules.profile(args.profile)
    replays: list[Replay] = []
    judge = rules.judge(profile, lambda name, address: replays[0].safe_address(name, address))
    run = Replay(
        judge,
        rules.zone,
        _print_json if args.json else _print_row,
        ech_names=ECH_NAMES,
        at=_moment(args, rules),
    )
    replays.append(run)
    reader = CaptureReader()
    try:
        with args.capture.open("rb") as file:
            while chunk := file.read(CHUNK):
                for frame in reader.feed(chunk):
                    run.feed(frame)
    except OSError as error:
        raise PolicyError(
            str(args.capture), f"cannot be read ({error.strerror})", "name a capture file"
        ) from error
    except WireError as error:
        msg = f"{args.capture}: {error}"
        if run.counts.frames == 0:
            raise GatewayError(msg) from error
        print(f"qalqan: {msg}; what came before it was read", file=sys.stderr)
        return 1
    if not run.counts.frames and not reader.offset:
        msg = f"{args.capture}: no capture: it has {reader.pending} bytes; give a pcap or pcapng file"
        raise GatewayError(msg)
    for line in _leftovers(run, reader.pending):
        print(f"qalqan: {args.capture}: {line}", file=sys.stderr)
    return 0


def _leftovers(run: Any, pending: int) -> list[str]:
    counts = run.counts
    said = (
        [f"it is cut: {pending} bytes of an unfinished frame at its end were passed over"] if pending else []
    )
    if counts.cut:
        said.append(f"{counts.cut} of {counts.frames} frames are cut or broken; capture with -s 0")
    if counts.checksums:
        said.append(f"{counts.checksums} packets with a wrong checksum were passed over")
    return said


def _print_json(row: dict[str, Any]) -> None:
    print(json.dumps(row, ensure_ascii=False))


def _print_row(row: dict[str, Any]) -> None:
    ends = f"{row['src']}:{row['sport']} > {row['dst']}:{row['dport']}"
    print(
        f"{row['time'][11:23]} {row['proto']:4} {row['verdict']:7} {row['host'] or '-':40} "
        f"{row['reason']:20} {row['rule']}  ({ends})"
    )
