"""`qalqan check`: whether rules of other programs use our bits of the marks, as far as they are readable."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Any

from gateway.check.findings import Finding, note, ok, problem
from gateway.check.rulesets import Rules
from gateway.policy.config.config import Marks

ALL_BITS = 0xFFFFFFFF

_TUNNEL = re.compile(r"table \w+ wg-quick-\S+")  # harmless: a connection's mark is no verdict for us
_WORDS = re.compile(r"(?:^|\s)(-m mark|-m connmark|-j MARK|-j CONNMARK)\s(.*?)(?=\s-[mj]\s|$)")
_OPTION = re.compile(r"--([a-z-]+)(?:\s+(0x[0-9a-f]+|[0-9]+)(?:/(0x[0-9a-f]+|[0-9]+))?)?")


class MarkType(StrEnum):
    PACKET = "packet"
    CONNECTION = "connection"


Used = tuple[str, MarkType, int]  # table, type, bits


def mark_findings(marks: Marks, rules: Rules) -> Iterator[Finding]:
    if rules.objects is None:
        yield note("marks", rules.unread)
        return
    ours = {MarkType.PACKET: marks.packet, MarkType.CONNECTION: marks.ct | marks.slot}
    used = [
        *nft_uses(rules.objects),
        *(use for save, text in rules.saves.items() for use in iptables_uses(save, text)),
    ]
    clashes = dict.fromkeys((table, mark) for table, mark, bits in used if bits & ours[mark])
    tunnels = {table for table, _ in clashes if _TUNNEL.fullmatch(table)}
    for table in sorted(tunnels):
        text = "copies its connections' marks to packets, as a tunnel may: no action is needed"
        yield note("marks", f"{table} {text}")
    for table, mark in clashes:
        if table in tunnels:
            continue
        text = f"{table} uses bits of the {mark} mark that are ours ({ours[mark]:#010x})"
        yield problem("marks", text, "move ours with marks: in qalqan.yaml, or theirs")
    if not clashes:
        yield ok("marks", "no other rule uses our bits")


# -------------------------------------------------------------------- nft


def nft_uses(objects: Iterable[dict[str, Any]]) -> Iterator[Used]:
    """Yield the mark bits that rules in ``nft -j list ruleset`` set or compare."""
    for listed in objects:
        rule = listed.get("rule")
        if rule is not None:
            for mark, bits in _uses(rule.get("expr")):
                yield f"table {rule['family']} {rule['table']}", mark, bits


def _uses(expression: Any) -> Iterator[tuple[MarkType, int]]:
    if isinstance(expression, list):
        for part in expression:
            yield from _uses(part)
    elif isinstance(expression, dict):
        own = _mark(expression)
        masked = _masked(expression)
        if own is not None:
            yield own, ALL_BITS
        elif masked is not None:
            yield masked
        elif "mangle" in expression:
            yield from _sets(expression["mangle"])
        else:
            for value in expression.values():
                yield from _uses(value)


def _sets(mangle: Any) -> Iterator[tuple[MarkType, int]]:
    """Yield the bits that ``meta mark set …`` may change, and those that it reads."""
    mark = _mark(mangle["key"])
    if mark is None:
        yield from _uses(mangle["value"])
        return
    yield mark, _changed(mangle["value"], mark)
    yield from ((other, bits) for other, bits in _uses(mangle["value"]) if other is not mark)


def _changed(value: Any, mark: MarkType) -> int:
    if _mark(value) is mark:
        return 0
    if isinstance(value, dict) and len(value) == 1:
        (operator, operands), *_ = value.items()
        if operator in ("|", "^", "&") and isinstance(operands, list) and len(operands) == 2:
            kept, other = operands
            if operator == "&":
                return _changed(kept, mark) | (~other & ALL_BITS if isinstance(other, int) else ALL_BITS)
            return _changed(kept, mark) | _may_have(other)
    return ALL_BITS


def _may_have(value: Any) -> int:
    """Return the bits that an expression's value can have."""
    if isinstance(value, int):
        return value & ALL_BITS
    masked = _masked(value)
    return ALL_BITS if masked is None else masked[1]


def _masked(value: Any) -> tuple[MarkType, int] | None:
    """Parse ``meta mark & 0xff``."""
    if isinstance(value, dict) and isinstance(value.get("&"), list) and len(value["&"]) == 2:
        mark, bits = _mark(value["&"][0]), value["&"][1]
        if mark is not None and isinstance(bits, int):
            return mark, bits & ALL_BITS
    return None


def _mark(value: Any) -> MarkType | None:
    if isinstance(value, dict):
        if value.get("meta") == {"key": "mark"}:
            return MarkType.PACKET
        if isinstance(value.get("ct"), dict) and value["ct"].get("key") == "mark":
            return MarkType.CONNECTION
    return None


# -------------------------------------------------------------------- iptables


def iptables_uses(program: str, saved: str) -> Iterator[Used]:
    """Yield the mark bits in the output of ``iptables-save``; nft's list names these targets without bits."""
    family = program.removesuffix("-save")
    table = ""
    for line in saved.splitlines():
        if line.startswith("*"):
            table = line[1:].strip()
        elif line.startswith("-A"):
            for words, rest in _WORDS.findall(line):
                for mark, bits in _of_words(words, rest):
                    yield f"{family}, table {table}", mark, bits


def _of_words(words: str, rest: str) -> Iterator[tuple[MarkType, int]]:
    mark = MarkType.CONNECTION if "connmark" in words.lower() else MarkType.PACKET
    options = {name: (value, mask) for name, value, mask in _OPTION.findall(rest)}
    for name in ("mark", "set-mark", "set-xmark"):
        if name in options:
            value, mask = options[name]
            yield mark, int(value, 0) | int(mask, 0) if mask else ALL_BITS
    for name in ("and-mark", "or-mark", "xor-mark"):
        if name in options:
            bits = int(options[name][0], 0)
            yield mark, ~bits & ALL_BITS if name == "and-mark" else bits
    if "save-mark" in options or "restore-mark" in options:
        yield MarkType.PACKET, _mask(options, "nfmask")
        yield MarkType.CONNECTION, _mask(options, "ctmask")


def _mask(options: dict[str, tuple[str, str]], name: str) -> int:
    return int(options[name][0], 0) if name in options else ALL_BITS
