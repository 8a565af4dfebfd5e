"""Formats the results of a filter test as a table of 80 columns, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from textwrap import wrap
from typing import Any

from gateway.filter_test.checks import CheckOutcome, MethodCheck, Result, Scene
from gateway.filter_test.titles import check_titles, group_of, group_titles
from gateway.policy.language import ENGLISH

WIDTH = 80
_TITLE, _CELL = 60, 8
_LINE, _CONTINUED, _NOTE = "  ", "    ", "      "  # indents
_TITLES, _GROUP_TITLES = check_titles(ENGLISH), group_titles(ENGLISH)
_WORDS = {CheckOutcome.OPEN: "allowed", CheckOutcome.CLOSED: "blocked"}
_CODES = {CheckOutcome.OPEN: "passes", CheckOutcome.CLOSED: "refused"}  # in JSON, of checks that must pass
Pair = tuple[Result, ...]


def title_of(check: MethodCheck) -> str:
    return _TITLES[check.id]


def group_title_of(check: MethodCheck) -> str:
    return _GROUP_TITLES[group_of(check.id)]


def _pairs(results: Sequence[Result]) -> list[Pair]:
    """Return the filter test's results grouped by check: one tuple each, with those of IPv4 and of IPv6."""
    return [tuple(pair) for _, pair in groupby(results, lambda result: result.check.id)]


def table(scene: Scene, results: Sequence[Result], remarks: Sequence[str]) -> Iterator[str]:
    """Yield the lines of a child's filter test report: name, remarks, checks by group, and totals.

    They have at most 80 columns. A result that contradicts the rules is marked with ``!``.
    """
    yield from _wrapped(f"{scene.name} ({scene.profile}, {scene.band})")
    for remark in remarks:
        yield from _wrapped(remark)
    for group, pairs in groupby(_pairs(results), lambda pair: group_title_of(pair[0].check)):
        yield ""
        yield f"{group:<{_TITLE}}  {'IPv4':<{_CELL}}  IPv6".rstrip()
        previous: list[str] = []
        for pair in pairs:
            yield from _row(pair)
            notes = list(dict.fromkeys(filter(None, (_note(result, scene) for result in pair))))
            for note in notes if notes != previous else ():  # once for consecutive lines
                yield from _wrapped(note, _NOTE)
            previous = notes
    yield ""
    yield from _wrapped(headline(results))
    yield from _wrapped(summary(results))


def _wrapped(text: str, indent: str = "") -> list[str]:
    return wrap(text, WIDTH, initial_indent=indent, subsequent_indent=indent) or [""]


def _row(pair: Pair) -> Iterator[str]:
    """Yield the line of the filter test's report for one check, with its IPv4 and IPv6 results.

    More lines follow if its title is longer than the column.
    """
    cells = {result.version: _cell(result) for result in pair}
    first, *more = wrap(title_of(pair[0].check), _TITLE, initial_indent=_LINE, subsequent_indent=_CONTINUED)
    yield f"{first:<{_TITLE}}  {cells.get(4, '-'):<{_CELL}}  {cells.get(6, '-')}".rstrip()
    yield from more


def _cell(result: Result) -> str:
    word = _WORDS.get(result.found, str(result.found))
    return f"{word}!" if result.fault else word


def _note(result: Result, scene: Scene) -> str:
    check = result.check
    if result.found is CheckOutcome.UNKNOWN:
        return result.why
    if result.fault and check.passes:
        return "this must pass under all rules; run: qalqan check"
    if result.found is not CheckOutcome.OPEN or check.passes:
        return ""
    if result.fault and scene.closes(check) is None:
        return f"to block it: {check.closes}"
    if result.fault:
        setting = f"{check.closes} is set, but" if check.closes else "no setting allows it, but"
        return f"{setting} it is allowed: a fault; run: qalqan check"
    return f"allowed by this family's rules; to block it: {check.closes}"


def summary(results: Sequence[Result]) -> str:
    """Return the last line of the filter test's report: how many checks, results by outcome, and faults."""
    number = counts(results)
    chosen = f", of them {number['open_by_rule']} by the rules" if number["open_by_rule"] else ""
    return (
        f"{number['checks']} checks: {number['closed']} blocked, {number['open']} allowed{chosen}, "
        f"{number['passes']} pass as they should, {number['unknown']} unknown, "
        f"{number['faults']} faults"
    )


def headline(results: Sequence[Result]) -> str:
    """Return a sentence: how many of the tested bypass methods are blocked, and how many were untestable."""
    found = [
        {result.found for result in pair} - {CheckOutcome.ABSENT}
        for pair in _pairs(results)
        if not pair[0].check.passes
    ]
    tested = [outcomes for outcomes in found if outcomes and CheckOutcome.UNKNOWN not in outcomes]
    blocked = sum(outcomes == {CheckOutcome.CLOSED} for outcomes in tested)
    if not tested:
        return "No bypass method could be tested."
    number = f"All {blocked}" if blocked == len(tested) > 1 else f"{blocked} of {len(tested)}"
    verb = "is" if len(tested) == 1 else "are"
    untested = len(found) - len(tested)
    rest = f"; {untested} could not be tested" if untested else ""
    return f"{number} that could be tested {verb} blocked{rest}."


def counts(results: Sequence[Result]) -> dict[str, int]:
    """Return how many results of the filter test there are by outcome, and how many ``checks``.

    A check has a result for each IP version. ``open_by_rule``: bypass methods that work because the
    rules allow them. ``passes``: required connections that work. ``faults``: results that
    contradict the rules.
    """
    ways = [result for result in results if not result.check.passes]
    opened = [result for result in ways if result.found is CheckOutcome.OPEN]
    return {
        "checks": len(_pairs(results)),
        "closed": sum(result.found is CheckOutcome.CLOSED for result in ways),
        "open": len(opened),
        "open_by_rule": sum(result.meant for result in opened),
        "passes": sum(result.check.passes and result.found is CheckOutcome.OPEN for result in results),
        "unknown": sum(result.found is CheckOutcome.UNKNOWN for result in results),
        "faults": sum(result.fault for result in results),
    }


def as_json(scene: Scene, results: Sequence[Result], remarks: Sequence[str]) -> dict[str, Any]:
    return {
        "profile": scene.profile,
        "name": scene.name,
        "band": scene.band,
        "remarks": list(remarks),
        "counts": counts(results),
        "checks": [_check(pair, scene) for pair in _pairs(results)],
    }


def _check(pair: Pair, scene: Scene) -> Mapping[str, object]:
    check = pair[0].check
    return {
        "id": check.id,
        "title": title_of(check),
        "group": group_title_of(check),
        "must_pass": check.passes,
        "closed_by_rule": None if check.passes else scene.closes(check),
        "setting": check.closes or None,
        **{f"ipv{result.version}": _outcome(result) for result in pair},
    }


def _outcome(result: Result) -> Mapping[str, object]:
    words = {CheckOutcome.ABSENT: "absent", **(_CODES if result.check.passes else {})}
    return {
        "found": words.get(result.found, str(result.found)),
        "fault": result.fault,
        "why": result.why or None,
        "how": result.how or None,
        "reason": result.reason or None,
    }
