"""`qalqan ledger`: where a child's time went, minute by minute."""

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
        print(f"{answer['left_off']} earlier ones are left off")
    return 0


def _used(answer: Mapping[str, Any]) -> Iterator[tuple[object, ...]]:
    for one in answer["used"]:
        if one["limit"] is not None:
            yield one["name"], _of_limit(one)
        if one.get("week") is not None:
            yield one["name"], f"{_of_limit(one['week'])} this week"


def _of_limit(one: Mapping[str, Any]) -> str:
    bonus = f" and {one['bonus']} more" if one["bonus"] else ""
    return f"{one['minutes']} of {one['limit']} minutes{bonus}"


def _minute(one: Mapping[str, Any]) -> tuple[object, ...]:
    return one["at"][11:16], one["device"], one["name"], one["service"] or "-", one["bytes"], one["why"]
