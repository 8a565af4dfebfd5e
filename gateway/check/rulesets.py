"""`qalqan check`: rules of other programs that bypass our rules or use our queues. Needs root."""

from __future__ import annotations

import json
import re
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gateway.check.findings import Finding, note, ok, problem
from gateway.cli.settings import control_socket
from gateway.core.programs import find_program
from gateway.kernel.marks import QUEUES
from gateway.kernel.ruleset.table import NAME
from gateway.lan.machine import may_administer, text_of
from gateway.policy.config.config import Config

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

# A switch in fw4's notation. Without the first option the second has no effect.
_UCI = r"""^\s*option\s+['"]?{}['"]?\s+['"]?(?:1|on|true|yes)['"]?\s*(?:#.*)?$"""
_FLOWTABLE = re.compile(r"table (\S+ \S+) \{|flowtable (\S+) \{|flags offload")
_NFQUEUE = re.compile(r"-j NFQUEUE\b.*?--queue-(?:num|balance) (\d+)(?::(\d+))?")
_TURN_OFF = "uci set firewall.@defaults[0].flow_offloading=0; uci commit firewall; service firewall restart"


@dataclass(frozen=True, slots=True)
class Rules:
    """The loaded rules of other programs."""

    objects: tuple[dict[str, Any], ...] | None  # None: not readable
    text: str  # nft's output
    saves: dict[str, str]  # program → its output
    unread: str = "rules of other programs cannot be read without root"  # the reason for no objects


def read_rules() -> Rules:
    """Read the rules of nft and iptables."""
    # Without the elements of named sets: block lists have 100,000 of them, which do not matter here.
    listed, error = output_of("nft", "-j", "-t", "list", "ruleset")
    objects = parsed(listed)
    flowtables, _ = output_of("nft", "list", "flowtables")
    rules = Rules(objects, flowtables or "", {save: output_of(save)[0] or "" for save in SAVES})
    if objects is None and may_administer():
        why = error or "nft's output is not valid"
        return replace(rules, unread=f"rules of other programs cannot be read ({why})")
    return rules


def parsed(listed: str | None) -> tuple[dict[str, Any], ...] | None:
    """Parse ``nft -j list ruleset``, without our own table. None if it is not valid."""
    try:
        objects = json.loads(listed or "")["nftables"]
        return tuple(item for item in objects if isinstance(item, dict) and _table(item) != NAME)
    except (ValueError, LookupError, TypeError, RecursionError):
        return None


def rule_findings(config: Config, rules: Rules) -> Iterator[Finding]:
    yield from _offload(rules)
    yield from _queues(config, rules)


def _offload(rules: Rules) -> Iterator[Finding]:
    found = False
    for table, hardware in offloads(rules).items():
        found = True
        how = "in hardware" if hardware else "in software"
        fix = _TURN_OFF if table.endswith(" fw4") else "take `flow add` out of its rules"
        yield problem("offload", f"table {table} offloads connections {how} past the rules", fix)
    if _switched_on("flow_offloading"):
        found = True
        how = "in hardware" if _switched_on("flow_offloading_hw") else "in software"
        text = f"{UCI}: flow_offloading is on, {how}: connections bypass the rules"
        yield problem("offload", text, _TURN_OFF)
    for module in ACCELERATORS:
        if (MODULES / module).exists():
            found = True
            text = f"the module {module} accelerates connections past all rules"
            yield problem("offload", text, f"unload it: rmmod {module}, and remove its package")
    for save, text in rules.saves.items():
        if "-j FLOWOFFLOAD" in text:
            found = True
            yield problem(
                "offload", f"{save}: FLOWOFFLOAD takes connections past the rules", "remove that rule"
            )
    if not found and rules.objects is None:
        yield note("offload", rules.unread)
    elif not found:
        yield ok("offload", "no connection bypasses the rules")


def _switched_on(option: str) -> bool:
    return re.search(_UCI.format(option), text_of(UCI), re.MULTILINE) is not None


def offloads(rules: Rules) -> dict[str, bool]:
    """Return the tables that offload, and whether they use hardware."""
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


def _queues(config: Config, rules: Rules) -> Iterator[Finding]:
    ours = range(config.queue_base, config.queue_base + QUEUES)
    fix = "give ours other numbers with queue_base: in qalqan.yaml, or theirs"
    span = f"{ours[0]}-{ours[-1]}"
    for who, first, last in queues_of_others(rules):
        if first <= ours[-1] and last >= ours[0]:
            yield problem("queue", f"{who} sends packets to queue {first}, one of ours ({span})", fix)
    if rules.objects is None:
        yield note("queue", f"whether others use ours ({span}): {rules.unread}")
    if _answers(config):
        return
    for number, port in bound():
        if number in ours:
            yield problem(
                "queue", f"queue {number} is read by {_process(port)}, and no daemon of ours runs", fix
            )
            return


def queues_of_others(rules: Rules) -> Iterator[tuple[str, int, int]]:
    """Yield the other users of queues: name, first and last number."""
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
    """Yield the bound queues with their netlink port, the process id for a process's first socket."""
    for line in text_of(BOUND).splitlines():
        words = line.split()
        if len(words) > 1:
            yield int(words[0]), int(words[1])


def _process(port: int) -> str:
    name = text_of(PROCESSES / str(port) / "comm").strip()
    return f"process {port} ({name})" if name else "another program"


def _answers(config: Config) -> bool:
    """Return whether a daemon listens on the control socket; one that refuses us counts as well."""
    with socket.socket(socket.AF_UNIX) as sock:
        try:
            sock.connect(str(control_socket(config)))
        except PermissionError:
            return True
        except OSError:
            return False
    return True


def statements(rule: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the statements of a rule. One that nft cannot express in JSON is not a mapping."""
    expressions = rule.get("expr")
    yield from (statement for statement in expressions or () if isinstance(statement, dict))


def _table(item: dict[str, Any]) -> object:
    """Return the table of a rule, a chain or a set; for a table its own name."""
    value = next(iter(item.values()), None)
    return value.get("table", value.get("name")) if isinstance(value, dict) else None


def output_of(name: str, *words: str) -> tuple[str | None, str]:
    """Return a program's output, and why there is none: it is not installed, or it fails."""
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
