"""`qalqan check`: rules of other programs that let connections past us, or use our queues. Root sees them."""

from __future__ import annotations

import json
import re
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.commands.findings import Finding, note, ok, problem, warning
from gateway.commands.settings import control_socket
from gateway.kernel.marks import QUEUES
from gateway.kernel.ruleset import NAME
from gateway.policy.config import Config

TIMEOUT = 10.0  # seconds for a list of rules; tens of thousands take two
# iptables speaks through nft, or past it in its old form, which nft does not list.
SAVES = ("iptables-save", "ip6tables-save", "iptables-legacy-save", "ip6tables-legacy-save")
UCI = Path("/etc/config/firewall")
MODULES = Path("/sys/module")
BOUND = Path("/proc/self/net/netfilter/nfnetlink_queue")
PROCESSES = Path("/proc")
# Makers' own fast paths: what they have taken over, no rule sees any more.
ACCELERATORS = ("shortcut_fe", "fast_classifier", "ecm", "qca_nss_ecm", "mtkhnat", "fc")

_UCI = re.compile(r"^\s*option\s+(flow_offloading|flow_offloading_hw)\s+['\"]?1['\"]?\s*$", re.MULTILINE)
_FLOWTABLE = re.compile(r"table (\S+ \S+) \{|flowtable (\S+) \{|flags offload")
_NFQUEUE = re.compile(r"-j NFQUEUE\b.*?--queue-(?:num|balance) (\d+)(?::(\d+))?")
_MEND = "uci set firewall.@defaults[0].flow_offloading=0; uci commit firewall; service firewall restart"


@dataclass(frozen=True, slots=True)
class Rules:
    """What is loaded. None: it cannot be read without root, or nft is not here."""

    objects: tuple[dict[str, Any], ...] | None
    text: str  # of nft
    saves: dict[str, str]  # program → its output


def read_rules() -> Rules:
    listed = _run(["nft", "-j", "list", "ruleset"])
    flowtables = _run(["nft", "list", "flowtables"]) or ""
    return Rules(parsed(listed), flowtables, {save: _run([save]) or "" for save in SAVES})


def parsed(listed: str | None) -> tuple[dict[str, Any], ...] | None:
    """From ``nft -j list ruleset``; nothing of our own table."""
    if listed is None:
        return None
    try:
        objects = json.loads(listed or "{}").get("nftables", [])
    except ValueError:
        return ()
    return tuple(one for one in objects if _table(one) != NAME)


def rule_findings(config: Config, rules: Rules, *, public_ipv6: bool) -> Iterator[Finding]:
    yield from _offload(rules)
    yield from _queues(config, rules)
    if public_ipv6:
        yield from _firewall(rules)


def _offload(rules: Rules) -> Iterator[Finding]:
    found = False
    for table, hardware in offloads(rules).items():
        found = True
        how = "in hardware" if hardware else "in software"
        mend = _MEND if table.endswith(" fw4") else "take `flow add` out of its rules"
        yield problem("offload", f"table {table} offloads connections {how}: rules do not end them", mend)
    for option in sorted(set(_UCI.findall(_read(UCI)))):
        found = True
        yield problem("offload", f"{UCI}: {option} is 1: connections go past the rules", _MEND)
    for module in ACCELERATORS:
        if (MODULES / module).exists():
            found = True
            text = f"the module {module} speeds connections up past all rules"
            yield problem("offload", text, f"unload it: rmmod {module}, and take its package out")
    for save, text in rules.saves.items():
        if "-j FLOWOFFLOAD" in text:
            found = True
            yield problem(
                "offload", f"{save}: FLOWOFFLOAD takes connections past the rules", "take that rule out"
            )
    if not found and rules.objects is None:
        yield note("offload", "rules of other programs cannot be read without root")
    elif not found:
        yield ok("offload", "no connection goes past the rules")


def offloads(rules: Rules) -> dict[str, bool]:
    """Tables that offload → whether in hardware too."""
    tables = {}
    for one in rules.objects or ():
        rule = one.get("rule")
        if rule is not None and any("flow" in part for part in rule["expr"] if isinstance(part, dict)):
            tables[f"{rule['family']} {rule['table']}"] = False
    table = ""
    for match in _FLOWTABLE.finditer(rules.text):
        table = match[1] or table
        if match[0] == "flags offload" and table in tables:
            tables[table] = True
    return tables


def _queues(config: Config, rules: Rules) -> Iterator[Finding]:
    ours = range(config.queue_base, config.queue_base + QUEUES)
    mend = "give ours other numbers with queue_base: in qalqan.yaml, or theirs"
    span = f"{ours[0]}-{ours[-1]}"
    for who, first, last in queues_of_others(rules):
        if first <= ours[-1] and last >= ours[0]:
            yield problem("queue", f"{who} sends packets to queue {first}, one of ours ({span})", mend)
    if _answers(config):
        return
    for number, port in bound():
        if number in ours:
            yield problem(
                "queue", f"queue {number} is read by {_process(port)}, and no daemon of ours runs", mend
            )
            return


def queues_of_others(rules: Rules) -> Iterator[tuple[str, int, int]]:
    for one in rules.objects or ():
        rule = one.get("rule") or {"expr": ()}
        for part in rule["expr"]:
            if isinstance(part, dict) and isinstance(part.get("queue"), dict):
                number = part["queue"].get("num", 0)
                span = number.get("range") if isinstance(number, dict) else [number, number]
                if isinstance(span, list) and all(isinstance(end, int) for end in span):
                    yield f"table {rule['family']} {rule['table']}", span[0], span[-1]
    for save, text in rules.saves.items():
        for first, last in _NFQUEUE.findall(text):
            yield save.removesuffix("-save"), int(first), int(last or first)


def bound() -> Iterator[tuple[int, int]]:
    """Queues that somebody reads, each with its netlink port: of a process's first socket that is its id."""
    for line in _read(BOUND).splitlines():
        words = line.split()
        if len(words) > 1:
            yield int(words[0]), int(words[1])


def _process(port: int) -> str:
    name = _read(PROCESSES / str(port) / "comm").strip()
    return f"process {port} ({name})" if name else "another program"


def _answers(config: Config) -> bool:
    """Whether somebody listens on the control socket; one that we may not ask is there as well."""
    with socket.socket(socket.AF_UNIX) as sock:
        try:
            sock.connect(str(control_socket(config)))
        except PermissionError:
            return True
        except OSError:
            return False
    return True


def _firewall(rules: Rules) -> Iterator[Finding]:
    """A LAN with public addresses needs a firewall for IPv6: no translation stands before it."""
    if rules.objects is None:
        yield note("ipv6", "whether a firewall meets forwarded IPv6 cannot be seen without root")
        return
    chains = (one["chain"] for one in rules.objects if "chain" in one)
    met = any(one.get("hook") == "forward" and one["family"] in ("inet", "ip6") for one in chains)
    legacy = rules.saves.get("ip6tables-legacy-save", "")
    if met or ":FORWARD DROP" in legacy or "-A FORWARD" in legacy:
        yield ok("ipv6", "a firewall meets forwarded IPv6")
    else:
        text = "the home's devices have public IPv6 addresses, and no firewall meets what comes from outside"
        yield warning("ipv6", text, "load one that refuses new connections from there (fw4, ufw, firewalld)")


def _table(one: dict[str, Any]) -> object:
    """Of a rule, a chain or a set; a table's own name."""
    value = next(iter(one.values()), None)
    return value.get("table", value.get("name")) if isinstance(value, dict) else None


def _run(command: list[str]) -> str | None:
    """Its output; None where it is not here or may not be asked."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return None if done.returncode else done.stdout


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""
