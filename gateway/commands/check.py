"""`check`: is everything there that the gateway needs? One line a finding, with what to do."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from gateway import household
from gateway.errors import GatewayError
from gateway.household import Household
from gateway.lists.table import TABLE_NAME
from gateway.policy import domains


@dataclass(frozen=True, slots=True)
class Finding:
    ok: bool
    what: str
    mend: str = ""

    def __str__(self) -> str:
        return f"ok       {self.what}" if self.ok else f"problem  {self.what}; {self.mend}"


def check(args: argparse.Namespace) -> int:
    findings = list(_findings(args.config))
    bad = [one for one in findings if not one.ok]
    if args.json:
        rows = [{"ok": one.ok, "what": one.what, "mend": one.mend} for one in findings]
        print(json.dumps({"ok": not bad, "findings": rows}, ensure_ascii=False))
    else:
        for one in findings:
            print(one)
    return 1 if bad else 0


def _findings(config: Path) -> Iterator[Finding]:
    try:
        product = household.load_product()
        home = household.load(config, product)
    except GatewayError as error:
        yield Finding(False, *_split(error))
        return
    yield Finding(True, f"{config}: {len(home.profiles)} profiles, time zone {home.config.timezone}")
    for problem in home.problems.values():
        yield Finding(False, *_split(problem))
    yield from _interfaces(home)
    yield _table(Path(home.config.state))
    yield _folder("state", Path(home.config.state))
    yield from _programs()
    yield from _kernel(home)
    yield from _web(home)


def _split(error: GatewayError) -> tuple[str, str]:
    what, _, mend = str(error).rpartition("; ")
    return (what, mend) if what else (mend, "")


def _interfaces(home: Household) -> Iterator[Finding]:
    for name in home.config.lan:
        try:
            socket.if_nametoindex(name)
        except OSError:
            yield Finding(False, f"lan: there is no interface {name}", "look it up with: ip -brief link")
        else:
            yield Finding(True, f"lan: {name} is there")


def _table(state: Path) -> Finding:
    path = state / TABLE_NAME
    try:
        info = domains.verify(path.read_bytes())
    except FileNotFoundError:
        return Finding(
            True, "lists: none was built yet, the seed of our own filters; run: qalqan lists update"
        )
    except OSError as error:
        return Finding(False, f"{path} cannot be read ({error.strerror})", "run as root")
    except GatewayError as error:
        return Finding(False, *_split(error))
    return Finding(True, f"lists: {info.count} names, built {info.built}")


def _folder(word: str, path: Path) -> Finding:
    place = path if path.exists() else path.parent
    if os.access(place, os.W_OK):
        return Finding(True, f"{word}: {path} can be written")
    return Finding(False, f"{word}: {path} cannot be written by this user", "run as root, or name another")


def _programs() -> Iterator[Finding]:
    if shutil.which("nft", path=_path()) is None:
        yield Finding(False, "there is no nft", "install the package nftables")
    else:
        yield Finding(True, "nft is there")
    if shutil.which("dnsmasq", path=_path()) is None:
        mend = "install dnsmasq-base: help is reachable by name then while the daemon is down"
        yield Finding(False, "there is no dnsmasq", mend)


def _path() -> str:
    return os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


def _kernel(home: Household) -> Iterator[Finding]:
    if os.geteuid() != 0:
        yield Finding(True, "the kernel's side is checked as root alone")
        return
    from gateway.kernel import fallback
    from gateway.kernel.nft import Nft

    try:
        nft = Nft()
        native = fallback.native_queue(nft)
    except GatewayError as error:
        yield Finding(False, *_split(error))
        return
    if native:
        yield Finding(True, "the kernel has nft's queue")
    elif shutil.which("iptables-nft", path=_path()):
        yield Finding(True, "the kernel has no nft queue; iptables-nft's NFQUEUE is used")
    else:
        yield Finding(False, "the kernel has no nft queue", "install kmod-nft-queue, or iptables")
    yield from _clashes(home, nft.list)
    nft.close()


def _clashes(home: Household, listed: Callable[[str], list[dict[str, object]]]) -> Iterator[Finding]:
    """Whether other tables use bits of marks that are ours."""
    marks = home.config.marks
    try:
        objects = listed("list ruleset")
    except GatewayError:
        return
    ours = {"mark": marks.packet, "ct": marks.ct | marks.slot}
    found = set()
    for item in objects:
        rule = item.get("rule")
        if isinstance(rule, dict) and rule.get("table") not in ("qalqan", None):
            found |= {
                (str(rule["table"]), kind) for kind, mask in _masks(rule.get("expr")) if mask & ours[kind]
            }
    for table, kind in sorted(found):
        name = "packet" if kind == "mark" else "connection"
        mend = "move ours with `marks:` in qalqan.yaml, or theirs"
        yield Finding(False, f"table {table} uses bits of the {name} mark that are ours", mend)
    if not found:
        yield Finding(True, "no other table uses our bits of the marks")
    for name in ("iptables", "ip6tables"):
        path = Path(f"/proc/sys/net/bridge/bridge-nf-call-{name}")
        if path.exists() and path.read_text().strip() == "1":
            mend = f"sysctl -w net.bridge.bridge-nf-call-{name}=0 (Docker sets it)"
            yield Finding(False, f"bridged packets go through {name}", mend)


def _masks(expression: object) -> Iterator[tuple[str, int]]:
    """The bits of marks that a rule's JSON sets or masks: ("mark" or "ct", bits)."""
    if isinstance(expression, list):
        for one in expression:
            yield from _masks(one)
    elif isinstance(expression, dict):
        for key, value in expression.items():
            if key == "&" and isinstance(value, list) and len(value) == 2 and isinstance(value[1], int):
                kind = _mark_kind(value[0])
                if kind is not None:
                    yield kind, value[1] if value[1] < 1 << 31 else value[1] ^ 0xFFFFFFFF
            elif key == "mangle" and isinstance(value, dict):
                kind = _mark_kind(value.get("key"))
                if kind is not None and isinstance(value.get("value"), int):
                    yield kind, value["value"]
            yield from _masks(value)


def _mark_kind(expression: object) -> str | None:
    if isinstance(expression, dict):
        if expression.get("meta") == {"key": "mark"}:
            return "mark"
        if isinstance(expression.get("ct"), dict) and expression["ct"].get("key") == "mark":
            return "ct"
    return None


def _web(home: Household) -> Iterator[Finding]:
    web = home.config.web
    if web.address in ("0.0.0.0", "::") and not web.allow_wan:
        mend = "name a LAN address, or set allow_wan: true if you mean it"
        yield Finding(False, f"web.listen {web.address} is reachable from elsewhere", mend)
    else:
        yield Finding(
            True, f"the pages listen on {web.address or ', '.join(home.config.lan)}, port {web.port}"
        )
