"""`qalqan ticket`: makes one-time codes for extra time, lists unused ones, and withdraws them."""

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
        raise PolicyError(WHERE, "--list and --withdraw take no child", "write: qalqan ticket --list")
    if args.list:
        return _list(args)
    return _make(args) if args.withdraw is None else _withdraw(args)


def _make(args: Namespace) -> int:
    if args.who is None or args.duration is None:
        raise PolicyError(WHERE, "needs a child and a duration", "write: qalqan ticket WHO 30m")
    count = whole(args.count, "--count", "write it like --count 10")
    asked = minutes(args.duration, where=WHERE)
    answer = daemon(args).call("ticket", who=args.who, minutes=asked, count=count, by=BY)
    for code in answer["codes"]:
        print(output.clean(code))
    validity = f"{answer['minutes']} minutes each, valid once until {when(answer['until'])}"
    print(f"{validity}; they are not shown again")
    return 0


def _list(args: Namespace) -> int:
    found = daemon(args).call("tickets")["batches"]
    if found:
        output.rows(map(_row, found), ("BATCH", "CODES", "MINUTES", "WHO", "MADE", "BY", "UNTIL"))
    else:
        print("There are no unused codes.")
    return 0


def _row(batch: Mapping[str, Any]) -> tuple[object, ...]:
    whose = batch["name"] or "any child"
    made, until = when(batch["made"]), when(batch["until"])
    return batch["id"], batch["count"], batch["minutes"], whose, made, batch["by"], until


def _withdraw(args: Namespace) -> int:
    count = daemon(args).call("withdraw", batch=args.withdraw, by=BY)["count"]
    print(f"Withdrawn codes: {count}")
    return 0
