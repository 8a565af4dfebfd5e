"""`qalqan ledger`: the counted minutes of a child."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator

from gateway.cli import output
from gateway.cli.settings import daemon
from gateway.control.contract.time import LEDGER, LedgerMinute, LedgerResponse, TimeUsed, UsedOfWeek
from gateway.control.schema import to_json


def run(args: Namespace) -> int:
    ledger = daemon(args).ask(LEDGER, who=args.who, day=args.day)
    if args.json:
        output.as_json(to_json(ledger))
        return 0
    print(f"{output.clean(ledger.name)}, {ledger.day}")
    output.rows(_used(ledger))
    output.rows(map(_row, ledger.minutes), ("AT", "DEVICE", "COUNTED FOR", "SERVICE", "BYTES", "WHY"))
    if not ledger.used and not ledger.minutes:
        print("No minute was counted.")
    if ledger.left_off:
        print(f"{ledger.left_off} earlier minutes are not shown")
    return 0


def _used(ledger: LedgerResponse) -> Iterator[tuple[object, ...]]:
    for used in ledger.used:
        if used.limit is not None:
            yield used.name, _of_limit(used)
        if used.week is not None:
            yield used.name, f"{_of_limit(used.week)} this week"


def _of_limit(used: TimeUsed | UsedOfWeek) -> str:
    bonus = f" and {used.bonus} more" if used.bonus else ""
    return f"{used.minutes} of {used.limit} minutes{bonus}"


def _row(minute: LedgerMinute) -> tuple[object, ...]:
    service = minute.service or "-"
    return f"{minute.at:%H:%M}", minute.device, minute.name, service, minute.bytes, minute.why
