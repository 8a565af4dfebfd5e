"""`qalqan ticket`: one-time codes to print, for so many minutes each; what is unused, and withdrawn."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from typing import Any

from gateway.cli import output
from gateway.cli.durations import minutes, whole
from gateway.cli.settings import daemon, when
from gateway.core.errors import PolicyError

BY = "console"
WHERE = "ticket"


def run(args: Namespace) -> int:
    asked = args.list or args.withdraw is not None
    if asked and args.who is not None:
        raise PolicyError(WHERE, "makes codes or looks at them", "write: qalqan ticket --list")
    if args.list:
        return _list(args)
    return _make(args) if args.withdraw is None else _withdraw(args)


def _make(args: Namespace) -> int:
    if args.who is None or args.duration is None:
        raise PolicyError(WHERE, "says not for whom and how much", "write: qalqan ticket WHO 30m")
    count = whole(args.count, "--count", "write it like --count 10")
    asked = minutes(args.duration, where=WHERE)
    answer = daemon(args).call("ticket", who=args.who, minutes=asked, count=count, by=BY)
    for code in answer["codes"]:
        print(output.clean(code))
    told = f"{answer['minutes']} minutes each, good once until {when(answer['until'])}"
    print(f"{told}; they are not shown again")
    return 0


def _list(args: Namespace) -> int:
    found = daemon(args).call("tickets")["batches"]
    if found:
        output.rows(map(_row, found), ("BATCH", "CODES", "MINUTES", "WHO", "MADE", "BY", "UNTIL"))
    else:
        print("No code waits to be used.")
    return 0


def _row(one: Mapping[str, Any]) -> tuple[object, ...]:
    whose = one["name"] or "any child"
    made, until = when(one["made"]), when(one["until"])
    return one["id"], one["count"], one["minutes"], whose, made, one["by"], until


def _withdraw(args: Namespace) -> int:
    count = daemon(args).call("withdraw", batch=args.withdraw, by=BY)["count"]
    print(f"Codes that are good no more: {count}")
    return 0
