"""Reads the facts about the machine. Nothing is changed and nothing is sent."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from importlib import resources
from pathlib import Path
from zoneinfo import ZoneInfo

from gateway.check.rulesets import LoadedRulesets, output_of, read_rules
from gateway.core.errors import KernelError
from gateway.core.files import read_if_there
from gateway.core.programs import find_program
from gateway.lan.machine import read_machine, setting, text_of
from gateway.setup.facts import NAT_TABLE, UNITS, Dnsmasq, KernelSupport, MachineFacts, SetupError

PROC = Path("/proc")
NET_ADMIN = 12  # capability(7): the bit of CAP_NET_ADMIN
# Process names, which the kernel cuts to 15 characters → display names.
MANAGERS = {"NetworkManager": "NetworkManager", "systemd-network": "systemd-networkd", "dhcpcd": "dhcpcd"}
HOOK, HOOK_OF_PIP = "/usr/lib/qalqan/dhcp-event", "qalqan-dhcp-event"
DROP_IN = "qalqan.conf"  # our file in /etc/dnsmasq.d
UNIT_FOLDERS = ("etc/systemd/system", "usr/lib/systemd/system", "lib/systemd/system")

_IFACE = re.compile(r"^\s*iface\s+(\S+)\s+inet6?\s", re.MULTILINE)
_HOSTAPD = re.compile(r"^\s*interface=(\S+)", re.MULTILINE)
_FLUSH = re.compile(r"^\s*flush\s+ruleset\b", re.MULTILINE)
_IW = re.compile(r"^\s*(?:Interface (\S+)|type (AP)\b)", re.MULTILINE)


def look(config: Path, root: Path = Path("/")) -> MachineFacts:
    """Return everything that setup reads from the machine: network, rules, kernel, dnsmasq, time zone.

    ``config``: the path of qalqan.yaml. ``root``: the folder of the machine's files; kernel and interfaces
    are those of this network namespace. Raises SetupError without /proc, OSError if the kernel does not
    report the network, and PolicyError if qalqan.yaml cannot be read.
    """
    if not (PROC / "self/status").exists():
        msg = f"{PROC} does not exist, so the network cannot be read; mount it"
        raise SetupError(msg)
    timezone = read_timezone(root)
    machine = read_machine()
    return MachineFacts(
        machine=machine,
        rules=_of_others(read_rules()),
        kernel=read_kernel(),
        dnsmasq=read_dnsmasq(root),
        access_points=frozenset(_access_points(root)) & frozenset(machine.links),
        managers=tuple(_managers(root)),
        forwards6=setting("ipv6/conf/all/forwarding") == "1",
        openwrt=(root / "etc/openwrt_release").exists(),
        flushes=_flushing(root),
        timezone=timezone,
        country=country_by_zone(timezone, root),
        hook=_hook(root),
        lent={name: path for name in machine.links if (path := _lent(root, name))},
        config=read_if_there(config),
        config_path=config,
        units=tuple(unit for unit in UNITS if _has_unit(root, unit)),
    )


def read_kernel() -> KernelSupport:
    """Return whether this process may load rules, and whether the kernel has packet queues.

    If it may not load any, the kernel is not tested, and the other fields have their defaults.
    """
    if not capable(text_of(PROC / "self/status")):
        return KernelSupport(capable=False)
    from gateway.kernel import fallback
    from gateway.kernel.nft import Nft

    try:
        nft = Nft()
    except KernelError as error:
        return KernelSupport(nft=str(error))
    try:
        return KernelSupport(queue=fallback.native_queue(nft) or fallback.has_target())
    except KernelError as error:
        return KernelSupport(nft=str(error))
    finally:
        nft.close()


def capable(status: str) -> bool:
    """Return whether the text of /proc/self/status shows CAP_NET_ADMIN, the right to change the network."""
    found = re.search(r"^CapEff:\s*([0-9a-f]+)$", status, re.MULTILINE)
    return bool(found) and bool(int(found[1], 16) >> NET_ADMIN & 1) if found else False


def read_dnsmasq(root: Path) -> Dnsmasq:
    """Return whether dnsmasq and its service are installed, and the options in its files.

    Of the file that setup writes, only the range of addresses is read.
    """
    service = _has_unit(root, "dnsmasq.service") or (root / "etc/init.d/dnsmasq").exists()
    options: dict[str, str] = {}
    folder = root / "etc/dnsmasq.d"
    files = sorted(path for path in folder.glob("*") if path.name != DROP_IN and ".dpkg-" not in path.name)
    for path in (root / "etc/dnsmasq.conf", *files):
        for name, value in _options(path):
            options.setdefault(name, value)
    own_range = dict(_options(folder / DROP_IN)).get("dhcp-range", "")
    return Dnsmasq(find_program("dnsmasq") is not None, service, options, own_range)


def _options(path: Path) -> Iterator[tuple[str, str]]:
    """Yield name and value of each option in a file of dnsmasq; nothing if it cannot be read."""
    for line in text_of(path).splitlines():
        name, _, value = line.partition("#")[0].partition("=")
        if name.strip():
            yield name.strip(), value.strip()


def read_timezone(root: Path) -> str:
    """Return the machine's time zone from /etc/timezone, else from /etc/localtime.

    Empty if neither names a known one.
    """
    names = [text_of(root / "etc/timezone").strip()]
    with suppress(OSError):
        names.append(os.readlink(root / "etc/localtime").rpartition("zoneinfo/")[2])
    for name in filter(None, names):
        with suppress(KeyError, ValueError, OSError):
            return ZoneInfo(name).key
    return ""


def country_by_zone(timezone: str, root: Path = Path("/")) -> str:
    """Return the code of the country to which a time zone belongs, such as ``kz``; empty if unknown."""
    table = text_of(root / "usr/share/zoneinfo/zone.tab")
    if not table:
        with suppress(OSError, ModuleNotFoundError):
            table = resources.files("tzdata").joinpath("zoneinfo/zone.tab").read_text("utf-8")
    rows = (line.split("\t") for line in table.splitlines() if not line.startswith("#"))
    return next((row[0].lower() for row in rows if len(row) > 2 and row[2] == timezone), "")


def _of_others(rules: LoadedRulesets) -> LoadedRulesets:
    """Return the loaded rules without the NAT table that an earlier setup made."""
    if rules.objects is None:
        return rules
    tables = (next(iter(item.values()), None) for item in rules.objects)
    kept = (
        item
        for item, value in zip(rules.objects, tables, strict=True)
        if not isinstance(value, dict) or NAT_TABLE not in (value.get("table"), value.get("name"))
    )
    return replace(rules, objects=tuple(kept))


def _access_points(root: Path) -> Iterator[str]:
    """Yield the Wi-Fi interfaces that devices join, from hostapd's and NetworkManager's files and ``iw``."""
    for path in (root / "etc/hostapd").glob("*.conf"):
        yield from _HOSTAPD.findall(text_of(path))
    for path in (root / "etc/NetworkManager/system-connections").glob("*.nmconnection"):
        text = text_of(path)
        if re.search(r"^mode=ap$", text, re.MULTILINE):
            yield from re.findall(r"^interface-name=(\S+)$", text, re.MULTILINE)
    yield from points_of_iw(output_of("iw", "dev")[0] or "")


def points_of_iw(text: str) -> Iterator[str]:
    """Yield the Wi-Fi interfaces that are access points, from the output of ``iw dev``."""
    name = ""
    for match in _IW.finditer(text):
        if match[1]:
            name = match[1]
        elif name:
            yield name


def _managers(root: Path) -> Iterator[str]:
    running = {text_of(path).strip() for path in PROC.glob("[0-9]*/comm")}
    yield from (name for comm, name in MANAGERS.items() if comm in running)
    files = (root / "etc/network/interfaces", *(root / "etc/network/interfaces.d").glob("*"))
    if any(name != "lo" for path in files for name in _IFACE.findall(text_of(path))):
        yield "ifupdown"


def _flushing(root: Path) -> str:
    path = root / "etc/nftables.conf"
    return f"/{path.relative_to(root)}" if _FLUSH.search(text_of(path)) else ""


def _hook(root: Path) -> str:
    if (root / HOOK.lstrip("/")).exists():
        return HOOK
    beside = Path(sys.argv[0]).absolute().with_name(HOOK_OF_PIP)
    return str(beside) if beside.exists() else find_program(HOOK_OF_PIP) or ""


def _lent(root: Path, name: str) -> str:
    """Return the path of NetworkManager's lease file for an interface that it shares; empty without one."""
    path = root / f"var/lib/NetworkManager/dnsmasq-{name}.leases"
    return f"/{path.relative_to(root)}" if path.exists() else ""


def _has_unit(root: Path, name: str) -> bool:
    return any((root / folder / name).exists() for folder in UNIT_FOLDERS)
