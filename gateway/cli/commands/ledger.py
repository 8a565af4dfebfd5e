"""`qalqan ledger`: the counted minutes of a child."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator

from gateway.cli import output
from gateway.cli.settings import daemon
from gateway.control.contract.time import LEDGER, LedgerMinute, LedgerResponse
from gateway.control.schema import to_json
from gateway.policy.time.limit_periods import LimitPeriod


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
        for period in LimitPeriod:
            found = used.of(period)
            if found is not None:
                bonus = f" and {found.bonus} more" if found.bonus else ""
                when = "" if period is LimitPeriod.DAY else f" {period.this}"
                yield used.name, f"{found.minutes} of {found.limit} minutes{bonus}{when}"


def _row(minute: LedgerMinute) -> tuple[object, ...]:
    service = minute.service or "-"
    return f"{minute.at:%H:%M}", minute.device, minute.name, service, minute.bytes, minute.why
