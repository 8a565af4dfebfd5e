"""`qalqan sealed appeals`, `record`, `report`: checks the forms that a provider must keep for its sets.

None of them needs a gateway: a provider keeps these files where it creates its sets.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING

from gateway.cli import output
from gateway.core.errors import PolicyError
from gateway.core.files import read_bounded
from gateway.household.loading import load_product
from gateway.policy.sealed.appeals import Appeal, IsFree, figures, overdue, parse_appeals
from gateway.policy.sealed.isp_forms import parse_record, parse_report, written_report

if TYPE_CHECKING:
    from pathlib import Path


def run(args: Namespace) -> int:
    if args.action == "record":
        record = parse_record(read_bounded(args.file), str(args.file), _today(args))
        print(f"{record['name']['en']}: whole; compared on {record['verified_on']}")
        return 0
    if args.action == "report":
        return _report(args)
    return _overdue(args)


def _overdue(args: Namespace) -> int:
    """Print a line for each appeal whose answer is late. Return 1 if there is one."""
    appeals, is_free = _log(args.file)
    late = list(overdue(appeals, _today(args), is_free))
    rows = [
        (appeal.id, "first" if appeal.first is None else "second", str(appeal.open_since), str(day))
        for appeal, day in late
    ]
    if rows:
        output.rows(rows, ("APPEAL", "LOOK", "SINCE", "WAS DUE"))
    else:
        print(f"{len(appeals)} appeals; none is overdue")
    return 1 if rows else 0


def _report(args: Namespace) -> int:
    appeals, is_free = _log(args.appeals)
    read = parse_report(read_bounded(args.file), str(args.file))
    within = [appeal for appeal in appeals if read["from"] <= appeal.received <= read["until"]]
    for line in written_report(read, figures(within, is_free)):
        print(output.clean(line))
    return 0


def _log(path: Path) -> tuple[tuple[Appeal, ...], IsFree]:
    country, appeals = parse_appeals(read_bounded(path), str(path))
    product = load_product()
    if country not in product.countries:
        where, known = str(path), ", ".join(sorted(product.countries))
        raise PolicyError(where, f"has an unknown country: {country}", f"write one of {known}")
    holidays: Mapping[date, str] = product.holidays(country)
    return appeals, lambda day: day.weekday() >= 5 or day in holidays


def _today(args: Namespace) -> date:
    today: date | None = args.today
    return date.today() if today is None else today
