"""`qalqan ledger`: the counted minutes of a child."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator, Mapping
from typing import Any

from gateway.cli import output
from gateway.cli.settings import daemon


def run(args: Namespace) -> int:
    answer = daemon(args).call("ledger", who=args.who, day=args.day)
    if args.json:
        output.as_json(answer)
        return 0
    print(f"{output.clean(answer['name'])}, {answer['day']}")
    output.rows(_used(answer))
    output.rows(map(_minute, answer["minutes"]), ("AT", "DEVICE", "COUNTED FOR", "SERVICE", "BYTES", "WHY"))
    if not answer["used"] and not answer["minutes"]:
        print("No minute was counted.")
    if answer["left_off"]:
        print(f"{answer['left_off']} earlier minutes are not shown")
    return 0


def _used(answer: Mapping[str, Any]) -> Iterator[tuple[object, ...]]:
    for entry in answer["used"]:
        if entry["limit"] is not None:
            yield entry["name"], _of_limit(entry)
        if entry.get("week") is not None:
            yield entry["name"], f"{_of_limit(entry['week'])} this week"


def _of_limit(used: Mapping[str, Any]) -> str:
    bonus = f" and {used['bonus']} more" if used["bonus"] else ""
    return f"{used['minutes']} of {used['limit']} minutes{bonus}"


def _minute(minute: Mapping[str, Any]) -> tuple[object, ...]:
    return (
        minute["at"][11:16],
        minute["device"],
        minute["name"],
        minute["service"] or "-",
        minute["bytes"],
        minute["why"],
    )
