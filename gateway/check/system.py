"""`qalqan check`: checks the pages' address, kernel, other DNS filters, folders, disk and clock."""

from __future__ import annotations

import errno
import gzip
import os
import platform
import re
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

from gateway.check.findings import Finding, note, ok, problem, refused, unseen, warning
from gateway.cli.commands.web import settings_dict
from gateway.core.errors import GatewayError, KernelError
from gateway.core.programs import find_program
from gateway.kernel import clocks
from gateway.lan.listeners import is_listening
from gateway.lan.machine import may_administer, text_of
from gateway.policy.config.config import Config, DnsRefusal, file_to_edit
from gateway.web.listen import parse_listen

PROC = Path("/proc")
MODULES = Path("/lib/modules")
# One of the two is needed: nft's own queue, or that of iptables.
NATIVE = ("nft_queue", "CONFIG_NFT_QUEUE")
FALLBACK = ("xt_NFQUEUE", "CONFIG_NETFILTER_XT_TARGET_NFQUEUE")
_TARGET = "iptables' NFQUEUE target is used"

UCI = Path("/etc/config")
MIB = 1 << 20
LEAST_FREE = MIB  # bytes; with less, nothing can be stored
LIST_ROOM = 64 * MIB  # bytes: copies of the usual lists, the table, and a new table during an update
SMALL_DISK = 64 * MIB  # bytes of a whole file system
IN_MEMORY = ("tmpfs", "ramfs")
FIRST_YEAR = 2026  # a clock that shows an earlier year is wrong

# Process names, which the kernel cuts to 15 characters.
FILTERS = {
    "AdGuardHome": "AdGuard Home",
    "pihole-FTL": "Pi-hole",
    "blocky": "blocky",
    "smartdns": "SmartDNS",
    "dnscrypt-proxy": "dnscrypt-proxy",
    "https-dns-proxy": "https-dns-proxy",
    "stubby": "Stubby",
}
UCI_FILTERS = {"adblock": "adb_enabled", "adblock-fast": "enabled", "simple-adblock": "enabled"}


def pages(config: Config) -> Iterator[Finding]:
    listen = settings_dict(config)["listen"]
    if listen is None:
        yield ok("pages", f"port {config.web.port} of {', '.join(config.lan)}")
        return
    try:
        address, _ = parse_listen(listen, allow_wan=config.web.allow_wan)
    except GatewayError as error:
        yield refused("pages", error, code="pages_address")
        return
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as sock:
        try:
            sock.bind((address, 0))
        except OSError as error:
            text = f"{address} is not an address of this machine"
            if error.errno != errno.EADDRNOTAVAIL:
                text = f"{address} cannot be used ({error.strerror})"
            yield problem("pages", text, "look it up with: ip address", code="pages_address")
            return
    yield ok("pages", f"at {listen}")


def explained(config: Config) -> Iterator[Finding]:
    """Yield a note if ``dns_refusal: explain`` sends blocked names to the pages, but the pages do not run."""
    if config.dns_refusal is DnsRefusal.EXPLAIN and not is_listening(config.web.port):
        text = "the pages do not run: blocked names are answered as not existing, and nothing explains why"
        fix = "start the pages, or set dns_refusal: nxdomain"
        yield note("pages", text, fix, code="pages_silent")


def accounting() -> Iterator[Finding]:
    """Yield a finding: whether the kernel counts the bytes of each connection, for the time per service.

    It is never a problem, since the daemon turns the counters on.
    """
    value = text_of(PROC / "sys/net/netfilter/nf_conntrack_acct").strip()
    if not value:
        yield ok("services", "the kernel tracks no connection yet; the daemon enables the counters")
    elif value == "0":
        yield ok("services", "the counters are off (nf_conntrack_acct=0); the daemon enables them")
    else:
        yield ok("services", "the kernel counts each connection")


def kernel() -> Iterator[Finding]:
    """Yield findings: whether nftables works, and whether the kernel and Python support packet queues.

    With root rights the kernel is tested; without, its configuration and modules are read.
    """
    if find_spec("netfilterqueue") is None:
        fix = "install it: pip install netfilterqueue"
        yield problem("queue", "the Python package netfilterqueue is not installed", fix, code="no_queue")
    from gateway.kernel import fallback
    from gateway.kernel.nft import Nft

    try:
        nft = Nft()
    except KernelError as error:
        yield refused("nft", error, code="no_queue")
        return
    yield ok("nft", f"uses {nft.backend}")
    try:
        if not may_administer():
            yield _without_root()
        elif fallback.native_queue(nft):
            yield ok("queue", "the kernel has nft's queue")
        elif fallback.has_target():
            yield ok("queue", f"the kernel has no nft queue; {_TARGET}")
        else:
            fix = "install kmod-nft-queue, or xt_NFQUEUE and nft_compat"
            yield problem("queue", "the kernel has no packet queue", fix, code="no_queue")
    except KernelError as error:
        yield refused("queue", error, code="no_queue")
    finally:
        nft.close()


def _without_root() -> Finding:
    """Return the finding about the packet queue, from the kernel's configuration and modules."""
    for module, option in (NATIVE, FALLBACK):
        if _has(module, option):
            if module == NATIVE[0]:
                return ok("queue", "the kernel has nft's queue, as far as can be seen without root")
            return ok("queue", f"no nft queue can be seen; {_TARGET}")
    if not _known():
        return ok("queue", "the kernel's queue support is unknown without root; run this as root")
    return problem(
        "queue",
        "the kernel has no packet queue",
        "install kmod-nft-queue, or another kernel",
        code="no_queue",
    )


def _configuration() -> str:
    """Return the text of the running kernel's build configuration; empty if it is not available."""
    release = platform.release()
    try:
        return gzip.decompress((PROC / "config.gz").read_bytes()).decode("ascii", "replace")
    except OSError:
        return text_of(Path("/boot") / f"config-{release}")


def _modules() -> str:
    folder = MODULES / platform.release()
    return text_of(folder / "modules.dep") + text_of(folder / "modules.builtin")


def _known() -> bool:
    return bool(_configuration() or _modules())


def _has(module: str, option: str) -> bool:
    if Path("/sys/module", module).exists() or re.search(rf"/{module}\.ko", _modules()):
        return True
    built_in = re.search(rf"^{option}=(?:y|m)$", _configuration(), re.MULTILINE)
    return built_in is not None


def other_filters() -> Iterator[Finding]:
    """Yield notes about other DNS filters on this machine, and a warning if dnsmasq is missing.

    Without dnsmasq, help lines have no resolver while the daemon does not run.
    """
    for name in sorted({*_running(), *_switched_on()}):
        text = f"{name} is on this machine too: it blocks sites on its own, and our pages cannot explain why"
        yield note("dns", text, code="other_filter", name=name)
    if find_program("dnsmasq") is None:
        text = "there is no dnsmasq: while no daemon runs, help is reachable by IP address only"
        yield warning("help", text, "install it (Debian: apt-get install dnsmasq-base)", code="no_resolver")


def _running() -> Iterator[str]:
    for comm in PROC.glob("[0-9]*/comm"):
        name = FILTERS.get(text_of(comm).strip())
        if name is not None:
            yield name


def _switched_on() -> Iterator[str]:
    for name, option in UCI_FILTERS.items():
        if re.search(rf"^\s*option\s+{option}\s+['\"]?1", text_of(UCI / name), re.MULTILINE):
            yield name


def folders(config: Config) -> Iterator[Finding]:
    """Yield findings: whether the daemon's folders are on writable file systems that have room.

    The folders need not exist. Permissions are not checked.
    """
    for key, path in (("state", Path(config.state)), ("runtime", Path(config.runtime))):
        where = file_to_edit(config.fixed, key)
        try:
            there = next(parent for parent in (path, *path.parents) if parent.exists())
        except OSError:
            yield unseen(key, path)
            continue
        if not there.is_dir():
            yield problem(key, f"{there} is not a directory", f"fix `{key}` in {where}", code="folder_broken")
            continue
        disk = os.statvfs(there)
        free = disk.f_bavail * disk.f_frsize
        if disk.f_flag & os.ST_RDONLY or there.is_relative_to(PROC):
            yield problem(key, f"{there} is not writable", f"fix `{key}` in {where}", code="folder_broken")
        elif free < LEAST_FREE:
            yield problem(
                key,
                f"{there} is full",
                f"make room, or give `{key}` another path in {where}",
                code="disk_full",
            )
        else:
            yield ok(key, str(path))
            if key == "state":
                yield from _disk(there, free, disk.f_blocks * disk.f_frsize, where)


def _disk(path: Path, free: int, size: int, where: str) -> Iterator[Finding]:
    fix = f"give `state` a path on a larger disk, such as a USB stick, in {where}"
    if file_system(path) in IN_MEMORY:
        text = f"{path} is in memory: used minutes, extra time and lists are lost after a restart"
        yield warning("disk", text, f"give `state` a path on a disk in {where}", code="disk_in_memory")
    elif size < SMALL_DISK:
        yield note(
            "disk",
            f"{path} is on {size // MIB} MB of flash: large lists do not fit",
            fix,
            code="disk_small",
            size=size // MIB,
        )
    elif free < LIST_ROOM:
        text = f"{free // MIB} MB are free in {path}, and lists need up to {LIST_ROOM // MIB}"
        yield warning("disk", text, fix, code="disk_little_room", free=free // MIB, needed=LIST_ROOM // MIB)


def file_system(path: Path, mounts: Path = Path("/proc/self/mountinfo")) -> str:
    """Return the type of the file system that contains ``path``; empty if unknown."""
    best, found = -1, ""
    for line in text_of(mounts).splitlines():
        before, _, after = line.partition(" - ")
        words, kind = before.split(), after.split()
        if len(words) > 4 and kind and path.resolve().is_relative_to(words[4]) and len(words[4]) >= best:
            best, found = len(words[4]), kind[0]
    return found


def clock(config: Config, now: datetime | None = None) -> Iterator[Finding]:
    local = (now or datetime.now(UTC)).astimezone(config.zone)
    shown = f"it is {local:%a %d %b %Y, %H:%M} in {config.timezone}"
    if local.year < FIRST_YEAR:
        yield problem(
            "time", f"{shown}: the clock is wrong", "set it, and start a time service", code="clock_wrong"
        )
    else:
        yield ok("time", shown)
    if config.timezone == "UTC":
        yield note(
            "time",
            "no time zone is set: bedtimes use UTC",
            "set `timezone` in qalqan.yaml",
            code="no_timezone",
        )
    if clocks.synchronised():
        yield ok("time", "a time service keeps the clock correct")
    elif clocks.is_virtual_machine():
        yield ok("time", "this is a virtual machine, whose host sets the clock")
    else:
        text = "no time service runs: while the time is unknown, `clock_unset` applies"
        yield warning(
            "time",
            text,
            "start a time service (systemd-timesyncd, chrony, or OpenWrt's sysntpd)",
            code="no_time_service",
        )
