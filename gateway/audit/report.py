"""An audit's results as a table of 80 columns, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from textwrap import wrap
from typing import Any

from gateway.audit.checks import Found, Result, Scene

WIDTH = 80
_TITLE, _CELL = 48, 14
_NOTE = "      "
_WORDS = {Found.OPEN: "passes", Found.CLOSED: "refused"}  # of what has to pass
Pair = tuple[Result, ...]


def _pairs(results: Sequence[Result]) -> list[Pair]:
    """Both families of each check."""
    return [tuple(pair) for _, pair in groupby(results, lambda one: one.check.id)]


def table(scene: Scene, results: Sequence[Result], remarks: Sequence[str]) -> Iterator[str]:
    """The lines of one child's table."""
    yield from _wrapped(f"{scene.name} ({scene.profile}, {scene.band})")
    for remark in remarks:
        yield from _wrapped(remark)
    for group, pairs in groupby(_pairs(results), lambda pair: pair[0].check.group):
        yield ""
        yield f"{group:<{_TITLE}}  {'IPv4':<{_CELL}}  IPv6".rstrip()
        told: list[str] = []
        for pair in pairs:
            yield _line(pair)
            notes = list(dict.fromkeys(filter(None, (_note(one, scene) for one in pair))))
            for note in notes if notes != told else ():  # of lines that follow each other, once
                yield from _wrapped(note, _NOTE)
            told = notes
    yield ""
    yield from _wrapped(summary(results))


def _wrapped(text: str, indent: str = "") -> list[str]:
    return wrap(text, WIDTH, initial_indent=indent, subsequent_indent=indent) or [""]


def _line(pair: Pair) -> str:
    cells = {one.version: _cell(one) for one in pair}
    title = pair[0].check.title[: _TITLE - 2]
    return f"  {title:<{_TITLE - 2}}  {cells.get(4, '-'):<{_CELL}}  {cells.get(6, '-')}".rstrip()


def _cell(one: Result) -> str:
    word = _WORDS.get(one.found, str(one.found)) if one.check.passes else str(one.found)
    return f"{word}!" if one.fault else word


def _note(one: Result, scene: Scene) -> str:
    check = one.check
    if one.found is Found.UNKNOWN:
        return one.why
    if one.fault and check.passes:
        return "it should pass, whatever the rules say: look at qalqan check"
    if one.found is not Found.OPEN or check.passes:
        return ""
    if one.fault and scene.closes(check) is None:
        return f"to close it: {check.closes}"
    if one.fault:
        said = f"{check.closes} is set, and" if check.closes else "no setting opens it:"
        return f"{said} it is open all the same: a fault; look at qalqan check"
    return f"open by this family's rules; to close it: {check.closes}"


def summary(results: Sequence[Result]) -> str:
    """The last line."""
    number = counts(results)
    chosen = f", of them {number['open_by_rule']} by the rules" if number["open_by_rule"] else ""
    return (
        f"{number['checks']} checks: {number['closed']} closed, {number['open']} open{chosen}, "
        f"{number['passes']} pass as they should, {number['unknown']} cannot be told, "
        f"{number['faults']} faults"
    )


def counts(results: Sequence[Result]) -> dict[str, int]:
    """Of tries: a check over IPv4 and IPv6 is two."""
    ways = [one for one in results if not one.check.passes]
    opened = [one for one in ways if one.found is Found.OPEN]
    return {
        "checks": len(_pairs(results)),
        "closed": sum(one.found is Found.CLOSED for one in ways),
        "open": len(opened),
        "open_by_rule": sum(one.meant for one in opened),
        "passes": sum(one.check.passes and one.found is Found.OPEN for one in results),
        "unknown": sum(one.found is Found.UNKNOWN for one in results),
        "faults": sum(one.fault for one in results),
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
        "title": check.title,
        "group": check.group,
        "must_pass": check.passes,
        "closed_by_rule": None if check.passes else scene.closes(check),
        "setting": check.closes or None,
        **{f"ipv{one.version}": _one(one) for one in pair},
    }


def _one(one: Result) -> Mapping[str, object]:
    words = {Found.ABSENT: "absent", **(_WORDS if one.check.passes else {})}
    return {
        "found": words.get(one.found, str(one.found)),
        "fault": one.fault,
        "why": one.why or None,
        "how": one.how or None,
        "reason": one.reason or None,
    }
