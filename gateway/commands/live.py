"""Commands that ask the running daemon over its control socket."""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import Any

from gateway import household
from gateway.control.client import Client
from gateway.errors import ControlError, PolicyError
from gateway.policy import config as settings

_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?", re.ASCII)
SOCKET = "control.sock"


def runtime_of(path: Path) -> Path:
    """Where the daemon's socket is; rules and product data need not be read for that."""
    if not path.exists():
        raise PolicyError(str(path), "is not there", "create it, or name another with --config")
    return Path(settings.parse_config(household.read_bounded(path), str(path), lambda _: False).runtime)


def client(args: argparse.Namespace) -> Client:
    return Client(runtime_of(args.config) / SOCKET)


def minutes(text: str) -> int:
    """``30m``, ``1h`` or ``1h30m``; argparse shows the ValueError's type as wrong usage."""
    match = _DURATION.fullmatch(text)
    if match is None or not text:
        raise ValueError(text)
    total = int(match[1] or 0) * 60 + int(match[2] or 0)
    if not 1 <= total <= 7 * 24 * 60:
        raise ValueError(text)
    return total


def status(args: argparse.Namespace) -> int:
    answer = client(args).call("status")
    if args.json:
        print(json.dumps({key: value for key, value in answer.items() if key != "ok"}, ensure_ascii=False))
        return 0
    print(f"Qalqan {answer['version']}, up {answer['uptime']} s, {answer['mode']}, {answer['backend']}")
    for profile in answer["profiles"]:
        print(f"{profile['name']} ({profile['band']}): {profile['sentence']}")
        for device in profile["devices"]:
            state = "online" if device["online"] else "offline"
            print(f"  {device['mac']} {device['name']} {device['ip'] or ''} {state}")
    for number, queue in answer["queue"].items():
        print(
            f"queue {number}: {queue['packets']} packets, {queue['waiting']} wait, {queue['dropped']} dropped"
        )
    table, memory = answer["table"], answer["memory"]
    print(f"lists: {table['names']} names, built {table['built']}")
    print(f"memory: {memory['private'] >> 20} MB private, {memory['resident'] >> 20} MB resident")
    for problem in answer["problems"]:
        print(f"problem: {problem}")
    return 0


def pause(args: argparse.Namespace) -> int:
    values: dict[str, Any] = {"minutes": args.length} if args.length else {"till_wake": True}
    answer = client(args).call("pause", who=args.who, by="console", **values)
    print(f"{args.who} is paused until {answer['until'] or 'resumed'}.")
    return 0


def resume(args: argparse.Namespace) -> int:
    client(args).call("resume", who=args.who, by="console")
    print(f"{args.who} goes on.")
    return 0


def off(args: argparse.Namespace) -> int:
    answer = client(args).call("off", by="console", **({"minutes": args.length} if args.length else {}))
    print(f"Time and categories stop for everyone until {answer['until']}.")
    return 0


def on(args: argparse.Namespace) -> int:
    client(args).call("on", by="console")
    print("Everything holds again.")
    return 0


def device(args: argparse.Namespace) -> int:
    caller = client(args)
    if args.action == "list":
        for one in caller.call("devices")["devices"]:
            state = "online" if one["online"] else "offline"
            print(f"{one['mac']}  {one['profile']:16} {state:8} {one['ip'] or '-':40} {one['name']}")
        return 0
    if args.action == "assign":
        answer = caller.call("assign", mac=args.mac, profile=args.profile, by="console")
        print(f"{args.mac} is {answer['profile']} now.")
    else:
        answer = caller.call("forget", mac=args.mac, by="console")
        print(f"{args.mac} is forgotten.")
    for problem in answer["problems"]:
        print(f"problem: {problem}")
    return 0


def guardian(args: argparse.Namespace) -> int:
    caller = client(args)
    if args.action == "list":
        for name in caller.call("guardian", action="list")["guardians"]:
            print(name)
        return 0
    answer = caller.call("guardian", action=args.action, name=args.name)
    if args.action == "remove":
        print(f"{args.name} is no guardian any more.")
        return 0
    token = answer.get("token")
    if not isinstance(token, str):
        msg = "the daemon gave no link; restart it after an update"
        raise ControlError(msg)
    print(f"{args.name} signs in once within 15 minutes at http://qalqan.home.arpa/signin?code={token}")
    return 0
