"""Collects what a filter test needs from daemon, lists and kernel: sites, rules, ports and offloading."""

from __future__ import annotations

import itertools
import re
import socket
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from gateway.control.client import Client
from gateway.control.contract.filter_tests import ProbeDeviceRules
from gateway.control.contract.profile import PROFILE, AllowedTarget, BlockedTarget, ProfileRules
from gateway.control.contract.rules import HELP_LINES, WHY
from gateway.control.contract.status import STATUS, ClaimState
from gateway.core.errors import ControlError
from gateway.filter_test.checks import Scene
from gateway.filter_test.namespace import BypassTestError, command
from gateway.kernel.marks import PLAIN_SLOT
from gateway.lan.listeners import is_listening, listeners
from gateway.lists.book import SHELF, CopyIndex
from gateway.lists.formats import parse_addresses
from gateway.policy.config.config import QUARANTINE, Config, MarkBits
from gateway.policy.config.web import PAGES
from gateway.policy.profile.bypass_methods import MethodSetting
from gateway.policy.profile.rules import Mode
from gateway.policy.values import Verdict

# Sites that are often blocked, the mildest first, and often allowed ones. The profile's own sites come first.
REFUSED = (
    "www.tiktok.com", "www.roblox.com", "www.instagram.com", "www.facebook.com", "www.youtube.com",
    "www.netflix.com", "discord.com", "www.bet365.com", "www.1xbet.com", "tinder.com", "www.pornhub.com",
)  # fmt: skip
ALLOWED = (
    "www.wikipedia.org", "en.wikipedia.org", "www.khanacademy.org", "www.bilimland.kz", "bilimland.kz",
    "www.example.org", "www.nasa.gov", "www.google.com", "www.youtubekids.com",
)  # fmt: skip
RULED_NAMES = ("dns.google", "nordvpn.com")  # of checks with a rule `name:…`
OUTER = "cloudflare-ech.com"  # the outer name of ECH hellos: profiles/ech.yaml
EPDG = "epdg.epc.mnc001.mcc401.pub.3gppnetwork.org"  # 3GPP TS 23.003 19.4.2.9: a carrier of Kazakhstan
DOH = {"doh4": "8.8.8.8", "doh6": "2001:4860:4860::8888"}
TOR = ("tor-nodes", "tor-exits")  # profiles/sources.yaml
_MOST_LINES = 20_000
_CONNECTIONS = Path("/proc/self/net/nf_conntrack")
_OFFLOADED, _MARK = ("[OFFLOAD]", "[HW_OFFLOAD]"), re.compile(r" mark=(\d+)")
_MOST_PORTS = 32
_OWN_CHECKS = (22, 53, 80, 443)


class RuleQueries:
    """Asks the daemon whether the rules of the test device block a host, time rules aside."""

    def __init__(self, client: Client, device: str) -> None:
        self._client = client
        self._device = device

    def refuses(self, host: str) -> bool | None:
        """Return whether the rules for the test device block a host, time rules aside; None if unknown."""
        try:
            return self._client.ask(WHY, host=host, device=self._device).verdict == Verdict.BLOCK
        except ControlError:
            return None

    def first(self, hosts: Iterable[str], *, refused: bool) -> str | None:
        """Return the first host that the rules block (``refused``) or allow; None if there is none."""
        return next((host for host in dict.fromkeys(hosts) if self.refuses(host) is refused), None)


def scene(client: Client, config: Config, rules: ProbeDeviceRules, known: Mapping[str, Any]) -> Scene:
    """Return the rules and the environment by which the filter test's results are judged.

    ``rules``: what the daemon applies to the test device. ``known``: values of placeholders in checks; a
    blocked and an allowed site are added, which are found with the daemon's decisions.
    """
    ask = RuleQueries(client, str(known["sourcemac"]))
    shown = client.ask(PROFILE, id=rules.profile).profile
    refused = ask.first([*_hosts(shown.refused), *REFUSED], refused=True)
    allowed = ask.first([*_hosts(shown.allowed), *ALLOWED], refused=False)
    words: dict[str, Any] = {**known, "refused": refused, "allowed": allowed, "ech": OUTER}
    words["odd"] = _odd(refused) if refused else None
    return Scene(
        profile=rules.profile,
        name=rules.name,
        band=rules.band,
        strict=rules.strict or rules.mode is Mode.ALLOW_LIST,
        refusals=_refusals(rules, shown),
        names={host: ask.refuses(host) for host in RULED_NAMES},
        words=words,
        strangers_refused=refused is not None and _refuses_strangers(client, config, known, refused),
        gateway_open=config.gateway_open,
        gateway_ports=frozenset(config.gateway_ports),
    )


def _refusals(rules: ProbeDeviceRules, shown: ProfileRules) -> frozenset[str]:
    ways = {f"ways:{way}" for way, switch in rules.ways.items() if switch is MethodSetting.BLOCK}
    own = {blocked.target for blocked in shown.refused if blocked.target == "safe_search"}
    return frozenset(ways | own)


def _refuses_strangers(client: Client, config: Config, known: Mapping[str, Any], host: str) -> bool:
    """Return whether the rules for a new device on this LAN block the host.

    False while the gateway has no parent's account: no device is filtered then.
    """
    if client.ask(STATUS.returning(ClaimState)).unclaimed:
        return False  # no device is filtered yet, whatever the settings say
    kind = config.unknown_device_on(known["lan"])
    if kind == QUARANTINE:
        return True
    return client.ask(WHY, host=host, profile=kind).verdict == Verdict.BLOCK


def _hosts(entries: Iterable[BlockedTarget | AllowedTarget]) -> Iterator[str]:
    """Yield the targets that are host names, of a profile's blocked or allowed entries."""
    return (entry.target for entry in entries if ":" not in entry.target and "." in entry.target)


def _odd(host: str) -> str:
    return "".join(letter.upper() if place % 2 else letter for place, letter in enumerate(host))


def help_page(client: Client) -> str | None:
    """Return the host name of the first help line that has a web page; None if there is none."""
    lines = client.ask(HELP_LINES).lines
    hosts = (urlsplit(line.web).hostname or line.web for line in lines)
    return next((host for host in hosts if "." in host), None)


def is_filtered() -> bool:
    """Return whether the daemon's nftables table is in the kernel."""
    return "table inet qalqan" in command("nft", "list", "tables").splitlines()


def offloads() -> bool:
    """Return whether the kernel has a flow table, of any program.

    It may then forward connections past the filter's rules.
    """
    return "flowtable " in command("nft", "list", "flowtables")


def offloaded(version: int, layout: MarkBits) -> bool | None:
    """Return whether the kernel forwards a connection of a filtered device past the filter's rules.

    ``version``: 4 or 6, of IP. ``layout``: the bits of the connection mark. None if the kernel does not show
    its connections. Such connections are offloaded to a flow table (Documentation/networking, nf_flowtable).
    """
    try:
        return any_offloaded(_CONNECTIONS.read_text("ascii", "replace"), version, layout.slot)
    except OSError:
        return None


def any_offloaded(connections: str, version: int, slot: int) -> bool:
    """Return whether /proc/net/nf_conntrack (its text) shows an offloaded connection of a filtered device.

    ``version``: 4 or 6, of IP. ``slot``: the mask of the bits in the connection mark that identify
    such a device.
    """
    unfiltered = PLAIN_SLOT * (slot & -slot)
    for line in connections.splitlines():
        if line.startswith(f"ipv{version} ") and any(flag in line for flag in _OFFLOADED):
            mark = _MARK.search(line)
            if mark is not None and int(mark[1]) & slot not in (0, unfiltered):
                return True
    return False


def relays(config: Config) -> dict[str, str]:
    """Return one address of a Tor relay for each IP version, from the downloaded lists.

    The keys are ``tor4`` and ``tor6``; one without an address is missing.
    """
    found: dict[str, str] = {}
    copies = CopyIndex(Path(config.state, SHELF))
    for file in map(copies.path, TOR):
        if file.exists():
            with file.open("rb") as lines:
                for line in itertools.islice(lines, _MOST_LINES):
                    for entry in parse_addresses(line.strip()) or ():
                        if b"/" not in entry:
                            found.setdefault("tor6" if b":" in entry else "tor4", entry.decode())
    return found


class ProbeListener:
    """Listens on a free TCP port of the gateway's addresses (``own``), as a service that no rule opens.

    A context manager. The filter test checks that children cannot reach the port. Raises BypassTestError if
    it cannot listen.
    """

    def __init__(self, own: Iterable[str]) -> None:
        self.port = 0  # the kernel's choice
        self._sockets: list[socket.socket] = []
        for address in own:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            listener = socket.socket(family, socket.SOCK_STREAM)
            self._sockets.append(listener)
            try:
                listener.bind((address, self.port))
                self.port = listener.getsockname()[1]
                listener.listen()
            except OSError as error:
                self.close()
                msg = f"the test cannot listen on {address} port {self.port}: {error.strerror}; try again"
                raise BypassTestError(msg) from error

    def close(self) -> None:
        for listener in self._sockets:
            listener.close()

    def __enter__(self) -> ProbeListener:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def listening(config: Config, own: int) -> list[int]:
    """Return up to 32 other TCP ports that the gateway listens on, which children should not reach.

    Left out are ports on loopback addresses only, those of the pages, of other checks, and of
    ``gateway_ports``, and ``own``, the test's listener.
    """
    https = config.web.https
    pages = {config.web.port} if https is None else {config.web.port, https.port}
    known = {*_OWN_CHECKS, own, *pages, *config.gateway_ports}
    found = {port for address, port in listeners() if not _is_loopback(address)}
    return sorted(found - known)[:_MOST_PORTS]


def trusted(config: Config) -> dict[str, str]:
    """Return the values of placeholders in checks that are about the pages' trusted HTTPS name.

    They are the name, the addresses that it should have, and those to connect to. Empty without a trusted
    name; without the last ones if the pages do not run.
    """
    if config.web.https is None:
        return {}
    own = dict(zip(("own4", "own6"), PAGES, strict=True))
    met = dict(zip(("front4", "front6"), PAGES, strict=True)) if pages_run(config) else {}
    return {"trusted": config.web.https.name, **own, **met}


def pages_run(config: Config) -> bool:
    return is_listening(config.web.port)


def _is_loopback(address: str) -> bool:
    return address.endswith("7F") or address == "0" * 24 + "01000000"
