"""`qalqan check`: finds rules of other programs that bypass our rules or use our queues or mark bits.

Without root, most findings are notes that the rules cannot be read.
"""

from __future__ import annotations

import json
import re
import socket
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from gateway.check.findings import Finding, note, ok, problem
from gateway.cli.settings import control_socket
from gateway.core.programs import find_program
from gateway.kernel.marks import QUEUES
from gateway.kernel.ruleset.table import NAME, TABLE
from gateway.lan.machine import may_administer, text_of
from gateway.policy.config.config import Config, MarkBits, OffloadWish

TIMEOUT = 10.0  # seconds for a list of rules; tens of thousands take two
# iptables uses nft, or bypasses it in its legacy form, which nft does not list.
SAVES = ("iptables-save", "ip6tables-save", "iptables-legacy-save", "ip6tables-legacy-save")
UCI = Path("/etc/config/firewall")
MODULES = Path("/sys/module")
BOUND = Path("/proc/self/net/netfilter/nfnetlink_queue")
PROCESSES = Path("/proc")
# Vendors' own fast paths: no rule sees the connections that they take over. From Qualcomm, MediaTek, Realtek
# and Broadcom.
ACCELERATORS = ("shortcut_fe", "fast_classifier", "ecm", "qca_nss_ecm", "qca_nss_sfe", "mtkhnat", "hw_nat",
                "fc", "ctf", "pktflow")  # fmt: skip

# An option of fw4 that is on: flow_offloading, or flow_offloading_hw, which needs the first.
_UCI = r"""^\s*option\s+['"]?{}['"]?\s+['"]?(?:1|on|true|yes)['"]?\s*(?:#.*)?$"""
_FLOWTABLE = re.compile(r"table (\S+ \S+) \{|flowtable (\S+) \{|flags offload")
_NFQUEUE = re.compile(r"-j NFQUEUE\b.*?--queue-(?:num|balance) (\d+)(?::(\d+))?")
TURN_OFF = (
    "uci set firewall.@defaults[0].flow_offloading=0; uci commit firewall; service firewall restart;"
    " or let the service do it: uci set qalqan.main.firewall_offload=off; uci commit qalqan; reload_config"
)

ALL_BITS = 0xFFFFFFFF

_TUNNEL = re.compile(r"table \w+ wg-quick-\S+")  # copies connection marks to packets: harmless
_WORDS = re.compile(r"(?:^|\s)(-m mark|-m connmark|-j MARK|-j CONNMARK)\s(.*?)(?=\s-[mj]\s|$)")
_OPTION = re.compile(r"--([a-z-]+)(?:\s+(0x[0-9a-f]+|[0-9]+)(?:/(0x[0-9a-f]+|[0-9]+))?)?")


@dataclass(frozen=True, slots=True)
class LoadedRulesets:
    """The nftables and iptables rules that other programs have loaded, or why they cannot be read."""

    objects: tuple[dict[str, Any], ...] | None  # None: not readable
    text: str  # output of nft list flowtables
    saves: dict[str, str]  # program → its output
    unread: str = "rules of other programs cannot be read without root"  # the reason for no objects


def read_rules() -> LoadedRulesets:
    """Return the nftables and iptables rules of this machine, as listed by their programs.

    The objects are without Qalqan's own nftables table. They are None without the right to read them, or if
    nft is missing, fails or takes too long; ``unread`` then has the reason.
    """
    # Without the elements of named sets: block lists have 100,000 of them, which do not matter here.
    listed, error = output_of("nft", "-j", "-t", "list", "ruleset")
    objects = parsed(listed)
    flowtables, _ = output_of("nft", "list", "flowtables")
    rules = LoadedRulesets(objects, flowtables or "", {save: output_of(save)[0] or "" for save in SAVES})
    if objects is None and may_administer():
        why = error or "nft's output is not valid"
        return replace(rules, unread=f"rules of other programs cannot be read ({why})")
    return rules


def parsed(listed: str | None) -> tuple[dict[str, Any], ...] | None:
    """Return the objects in the output of ``nft -j list ruleset``, without Qalqan's table.

    None if the output is missing or invalid.
    """
    try:
        objects = json.loads(listed or "")["nftables"]
        return tuple(item for item in objects if isinstance(item, dict) and _table(item) != NAME)
    except (ValueError, LookupError, TypeError, RecursionError):
        return None


def rule_findings(config: Config, rules: LoadedRulesets, *, filters: bool = True) -> Iterator[Finding]:
    """Yield findings about other programs' rules: offloading past the filter, and packet queues in use.

    ``filters``: the family has a person with rules; otherwise offloading by nftables is no problem yet.
    """
    yield from offload_findings(rules, filters=filters)
    yield from _own_flow_table(config, rules)
    yield from _queues(config, rules)


def offload_findings(rules: LoadedRulesets, *, filters: bool) -> Iterator[Finding]:
    """Yield findings about connections that other programs and drivers send past the filter.

    ``filters``: as for `rule_findings`.
    """
    found = False
    for table, hardware in offloads(rules).items():
        found = True
        how = "in hardware" if hardware else "in software"
        if not filters:
            yield ok("offload", f"table {table} offloads connections {how}, and no person has rules yet")
            continue
        fix = TURN_OFF if table.endswith(" fw4") else "take `flow add` out of its rules"
        yield problem(
            "offload", f"table {table} offloads connections {how} past the rules", fix, code="offload"
        )
    if filters and _switched_on("flow_offloading"):
        found = True
        how = "in hardware" if _switched_on("flow_offloading_hw") else "in software"
        text = f"{UCI}: flow_offloading is on, {how}: connections bypass the rules"
        yield problem("offload", text, TURN_OFF, code="offload")
    for module in ACCELERATORS:
        if (MODULES / module).exists():
            found = True
            text = f"the module {module} accelerates connections past all rules"
            yield problem(
                "offload", text, f"unload it: rmmod {module}, and remove its package", code="offload"
            )
    for save, text in rules.saves.items():
        if "-j FLOWOFFLOAD" in text:
            found = True
            yield problem(
                "offload",
                f"{save}: FLOWOFFLOAD takes connections past the rules",
                "remove that rule",
                code="offload",
            )
    if not found and rules.objects is None:
        yield note("offload", rules.unread, code="unread")
    elif not found:
        yield ok("offload", "no connection bypasses the rules")


def _own_flow_table(config: Config, rules: LoadedRulesets) -> Iterator[Finding]:
    """Yield a note if hardware offloading is wanted, but the daemon's own flow table works in software.

    Nothing if there is no such flow table.
    """
    _, _, own = rules.text.partition(f"table {TABLE} {{")
    own = own.partition("\ntable ")[0]
    if config.offload is OffloadWish.HARDWARE and "flowtable " in own and "flags offload" not in own:
        text = "the flow table of Qalqan works in software: the kernel refuses hardware offloading on the"
        yield note("offload", f"{text} interfaces of one side", code="offload_software")


def _switched_on(option: str) -> bool:
    return re.search(_UCI.format(option), text_of(UCI), re.MULTILINE) is not None


def offloads(rules: LoadedRulesets) -> dict[str, bool]:
    """Return the nftables tables of other programs that offload connections; True: in hardware."""
    tables = {}
    for item in rules.objects or ():
        rule = item.get("rule")
        if rule is not None and any("flow" in part for part in statements(rule)):
            tables[f"{rule['family']} {rule['table']}"] = False
    table = ""
    for match in _FLOWTABLE.finditer(rules.text):
        table = match[1] or table
        if match[0] == "flags offload" and table in tables:
            tables[table] = True
    return tables


def _queues(config: Config, rules: LoadedRulesets) -> Iterator[Finding]:
    ours = range(config.queue_base, config.queue_base + QUEUES)
    fix = "give ours other numbers with queue_base: in qalqan.yaml, or theirs"
    span = f"{ours[0]}-{ours[-1]}"
    for who, first, last in queues_of_others(rules):
        if first <= ours[-1] and last >= ours[0]:
            yield problem(
                "queue",
                f"{who} sends packets to queue {first}, one of ours ({span})",
                fix,
                code="queue_taken",
            )
    if rules.objects is None:
        yield note("queue", f"whether others use ours ({span}): {rules.unread}", code="unread")
    if _answers(config):
        return
    for number, port in bound():
        if number in ours:
            yield problem(
                "queue",
                f"queue {number} is read by {_process(port)}, and no daemon of ours runs",
                fix,
                code="queue_taken",
            )
            return


def queues_of_others(rules: LoadedRulesets) -> Iterator[tuple[str, int, int]]:
    """Yield the packet queues that other programs' rules use: table or program, first and last number.

    A program that only reads a queue is not among them: see `bound`.
    """
    for item in rules.objects or ():
        rule = item.get("rule") or {}
        for part in statements(rule):
            if isinstance(part.get("queue"), dict):
                number = part["queue"].get("num", 0)
                span = number.get("range") if isinstance(number, dict) else [number, number]
                if isinstance(span, list) and all(isinstance(end, int) for end in span):
                    yield f"table {rule['family']} {rule['table']}", span[0], span[-1]
    for save, text in rules.saves.items():
        for first, last in _NFQUEUE.findall(text):
            yield save.removesuffix("-save"), int(first), int(last or first)


def bound() -> Iterator[tuple[int, int]]:
    """Yield the packet queues that a program reads: the queue's number and the netlink port.

    The port of a process's first socket is the process id.
    """
    for line in text_of(BOUND).splitlines():
        words = line.split()
        if len(words) > 1:
            yield int(words[0]), int(words[1])


def _process(port: int) -> str:
    name = text_of(PROCESSES / str(port) / "comm").strip()
    return f"process {port} ({name})" if name else "another program"


def _answers(config: Config) -> bool:
    """Return whether a daemon listens on the control socket, also if this user may not connect to it."""
    with socket.socket(socket.AF_UNIX) as sock:
        try:
            sock.connect(str(control_socket(config)))
        except PermissionError:
            return True
        except OSError:
            return False
    return True


def statements(rule: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the statements of a rule in nft's JSON. Those that nft cannot express in JSON are left out."""
    expressions = rule.get("expr")
    yield from (statement for statement in expressions or () if isinstance(statement, dict))


def _table(item: dict[str, Any]) -> object:
    """Return the name of the table that an object in nft's JSON belongs to, or of the table that it is."""
    value = next(iter(item.values()), None)
    return value.get("table", value.get("name")) if isinstance(value, dict) else None


def output_of(name: str, *words: str) -> tuple[str | None, str]:
    """Run a program; return its output and an empty text, or None and why there is no output.

    It may be missing, fail, or take more than 10 s.
    """
    program = find_program(name)
    if program is None:
        return None, f"there is no {name}"
    try:
        done = subprocess.run(
            [program, *words], capture_output=True, text=True, timeout=TIMEOUT, check=False, errors="replace"
        )
    except subprocess.TimeoutExpired:
        return None, f"{name} takes more than {TIMEOUT:.0f} s"
    except OSError as error:
        return None, f"{name}: {error.strerror}"
    first = next(iter(done.stderr.splitlines()), "") or f"{name} fails"
    return (None, first) if done.returncode else (done.stdout, "")


class MarkType(StrEnum):
    PACKET = "packet"
    CONNECTION = "connection"


Used = tuple[str, MarkType, int]  # table, type, bits


def mark_findings(marks: MarkBits, rules: LoadedRulesets) -> Iterator[Finding]:
    if rules.objects is None:
        yield note("marks", rules.unread, code="unread")
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
        yield note("marks", f"{table} {text}", code="marks_copied")
    for table, mark in clashes:
        if table in tunnels:
            continue
        text = f"{table} uses bits of the {mark} mark that are ours ({ours[mark]:#010x})"
        yield problem("marks", text, "move ours with marks: in qalqan.yaml, or theirs", code="marks_taken")
    if not clashes:
        yield ok("marks", "no other rule uses our bits")


# -------------------------------------------------------------------- nft


def nft_uses(objects: Iterable[dict[str, Any]]) -> Iterator[Used]:
    """Yield the bits of packet and connection marks that nftables rules set or compare.

    ``objects``: from ``nft -j list ruleset``.
    """
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
    """Yield the mark bits that a statement such as ``meta mark set …`` may change.

    Yield the bits of the other mark that it reads, too.
    """
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
    """Return the bits that may be set in the value of an expression in nft's JSON."""
    if isinstance(value, int):
        return value & ALL_BITS
    masked = _masked(value)
    return ALL_BITS if masked is None else masked[1]


def _masked(value: Any) -> tuple[MarkType, int] | None:
    """Return the type of mark and the bits in an expression such as ``meta mark & 0xff``; else None."""
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
    """Yield the bits of marks that iptables rules set or compare, from the output of ``iptables-save``.

    The output of nft has these targets without bits. ``program``: the program whose output ``saved`` is.
    """
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
