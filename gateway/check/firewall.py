"""`qalqan check`: checks that a firewall protects the LAN over IPv6, and that outgoing IPv4 is translated.

Without root there are only notes that the rules cannot be read. A chain counts only if it applies to the
packets in question: those of Docker and Tailscale do not protect the LAN.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from gateway.check.findings import Finding, note, ok, problem, warning
from gateway.check.lan import PRIVATE, public_ipv6
from gateway.check.rulesets import LoadedRulesets, statements
from gateway.lan.machine import Interface, NetworkSnapshot
from gateway.policy.config.config import Config

# nft does not show an iptables rule's connection state, and nothing at all of legacy iptables.
_OF_IPTABLES = {
    "ip6tables-save": r"--(?:ct)?state \S*NEW.* -j (?:DROP|REJECT)",
    "ip6tables-legacy-save": r"^:FORWARD DROP|^-A FORWARD.* -j (?:DROP|REJECT)",
}
_TELLING = ("comment", "addrtype")  # iptables matches that nearly all packets pass

Chain = tuple[str, str, str]  # family, table, name
Expression = Mapping[str, Any]


def firewall_findings(config: Config, machine: NetworkSnapshot, rules: LoadedRulesets) -> Iterator[Finding]:
    if public_ipv6(config, machine):
        yield _ipv6(config, rules)
    for name in sorted(machine.one_armed(config.lan) & machine.way_out(4)):
        yield _answers(name, machine.addresses[name], rules)
    if rules.objects is not None:
        yield from _untranslated(config, machine, rules)


def _ipv6(config: Config, rules: LoadedRulesets) -> Finding:
    """Return a finding: whether a firewall blocks new IPv6 connections from outside to the LAN.

    IPv6 has no address translation that would protect the LAN. A note if the rules cannot be read.
    """
    if rules.objects is None:
        return note("ipv6", f"whether a firewall meets forwarded IPv6: {rules.unread}", code="unread")
    inbound = InboundConnection(frozenset(config.lan))
    if ChainWalk(rules, inbound).meets("forward", ("inet", "ip6"), _refuses) or any(
        re.search(_OF_IPTABLES[save], rules.saves.get(save, ""), re.MULTILINE) for save in _OF_IPTABLES
    ):
        return ok("ipv6", "a firewall meets forwarded IPv6")
    text = "the home's devices have public IPv6 addresses, and no firewall meets what comes from outside"
    return warning(
        "ipv6",
        text,
        "load one that refuses new connections from there (fw4, ufw, firewalld)",
        code="ipv6_open",
    )


def _answers(name: str, addresses: Sequence[Interface], rules: LoadedRulesets) -> Finding:
    """Return a finding: whether an interface that is both LAN and uplink masquerades outgoing packets.

    Without that, the router responds to the devices directly, past this machine. A note if the
    rules cannot be read.
    """
    if rules.objects is None:
        return note("uplink", f"whether {name} masquerades: {rules.unread}", code="unread")
    if masquerades(rules, (name,), name, addresses):
        return ok("uplink", f"{name} masquerades: answers come back this way")
    text = f"{name} does not masquerade: the router answers devices past this machine, and little is seen"
    return problem(
        "uplink",
        text,
        f"masquerade what leaves by {name}, or give the home a network of its own",
        code="no_masquerade",
        name=name,
    )


def _untranslated(config: Config, machine: NetworkSnapshot, rules: LoadedRulesets) -> Iterator[Finding]:
    """Yield a warning for each uplink by which private LAN addresses leave without address translation.

    It names the first private network of the LAN. It is only a warning because the next router may have a
    route back.
    """
    private = [
        address
        for name in config.lan
        for address in machine.addresses.get(name, ())
        if address.version == 4 and _is_private(address)
    ]
    for out in sorted(machine.way_out(4) - set(config.lan)):
        if private and not masquerades(rules, config.lan, out, private):
            text = f"{private[0].network} leaves by {out} untranslated: responses cannot reach it"
            yield warning(
                "nat",
                text,
                "qalqan setup, or a route to it in the next router",
                code="untranslated",
                network=private[0].network,
            )


def _is_private(address: Interface) -> bool:
    return any(address.ip in network for network in PRIVATE)


def masquerades(
    rules: LoadedRulesets, inside: Collection[str], out: str, addresses: Iterable[Interface]
) -> bool:
    """Return whether packets of LAN devices get an address of this machine when they leave by ``out``.

    ``inside``: the interfaces of the LAN. ``addresses``: this machine's addresses on them, with the networks
    of the devices. A rule that may apply to one of the networks is enough, and so is any MASQUERADE of legacy
    iptables.
    """
    networks = tuple(own.network for own in addresses if isinstance(own, ipaddress.IPv4Interface))
    walk = ChainWalk(rules, OutboundPackets(frozenset(inside), out, networks))
    legacy = rules.saves.get("iptables-legacy-save", "")
    return walk.meets("postrouting", ("inet", "ip"), _translates) or "-j MASQUERADE" in legacy


def _refuses(statement: Expression) -> bool:
    return "drop" in statement or "reject" in statement or _target(statement) in ("DROP", "REJECT")


def _translates(statement: Expression) -> bool:
    return "masquerade" in statement or "snat" in statement or _target(statement) in ("MASQUERADE", "SNAT")


def _target(statement: Expression) -> str:
    """Return the name of the iptables target in a rule's statement, as nft lists it; empty if it is none."""
    xt = statement.get("xt")
    return str(xt.get("name")) if isinstance(xt, dict) and xt.get("type") == "target" else ""


# -------------------------------------------------------------------- the packets in question


@dataclass(frozen=True, slots=True)
class InboundConnection:
    """Stands for a new IPv6 connection from outside to any device on the LAN.

    ``inside``: the LAN's interfaces.
    """

    inside: frozenset[str]

    def meets(self, key: Any, values: Sequence[Any], *, equal: bool) -> bool:
        """Return whether a rule's comparison of ``key`` with ``values`` counts as true.

        ``equal``: the comparison is for equality, else for inequality. Equality with an address or a port,
        which only some connections have, counts as false, and inequality as true. A comparison of the layer 4
        protocol always counts as true.
        """
        match key:
            case {"meta": {"key": "oifname" | "oif"}}:
                return _any_name(self.inside, values) is equal
            case {"meta": {"key": "iifname" | "iif"}}:
                return any(not _any_name(self.inside, (value,)) for value in values) is equal
            case {"ct": {"key": "state"}}:
                return ("new" in values) is equal
            case {"meta": {"key": "nfproto"}}:
                return ("ipv6" in values) is equal
            case {"meta": {"key": "l4proto"}}:
                return True
        return not equal


@dataclass(frozen=True, slots=True)
class OutboundPackets:
    """Stands for IPv4 packets from the interfaces ``inside`` that leave by ``out``.

    Their addresses are in one of ``networks``.
    """

    inside: frozenset[str]
    out: str
    networks: tuple[ipaddress.IPv4Network, ...]

    def meets(self, key: Any, values: Sequence[Any], *, equal: bool) -> bool:
        match key:
            case {"meta": {"key": "oifname" | "oif"}}:
                return _any_name((self.out,), values) is equal
            case {"meta": {"key": "iifname" | "iif"}}:
                return _any_name(self.inside, values) is equal
            case {"meta": {"key": "nfproto"}}:
                return ("ipv4" in values) is equal
            case {"payload": {"field": "saddr"}}:
                sources = [network for network in map(_network, values) if network is not None]
                return any(ours.overlaps(source) for ours in self.networks for source in sources) is equal
            case {"payload": {"field": "daddr"}} | {"fib": _}:
                return True  # this is how "except to the LAN" is written
        return not equal


def _any_name(names: Collection[str], patterns: Sequence[Any]) -> bool:
    return any(fnmatchcase(name, str(pattern)) for name in names for pattern in patterns)


def _network(value: Any) -> ipaddress.IPv4Network | None:
    """Return the IPv4 network of an address or prefix in nft's JSON; None for another value."""
    if isinstance(value, dict) and isinstance(value.get("prefix"), dict):
        value = f"{value['prefix'].get('addr')}/{value['prefix'].get('len')}"
    try:
        return ipaddress.IPv4Network(value, strict=False)
    except (ValueError, TypeError):
        return None


# -------------------------------------------------------------------- walking the chains


class ChainWalk:
    """Follows one kind of packets through other programs' nftables chains.

    It finds out whether a certain policy or statement may apply to them. An accept or drop before it does
    not end the search. A test for equality that it cannot judge counts as false, one for inequality as true.
    """

    def __init__(self, rules: LoadedRulesets, packets: InboundConnection | OutboundPackets) -> None:
        self._packets = packets
        self._chains: list[dict[str, Any]] = []
        self._rules: dict[Chain, list[list[dict[str, Any]]]] = {}
        for listed in rules.objects or ():
            if isinstance(listed.get("chain"), dict):
                self._chains.append(listed["chain"])
            elif isinstance(rule := listed.get("rule"), dict):
                key = str(rule.get("family")), str(rule.get("table")), str(rule.get("chain"))
                self._rules.setdefault(key, []).append(list(statements(rule)))

    def meets(self, hook: str, families: Sequence[str], wanted: Callable[[Expression], bool]) -> bool:
        """Return whether the packets reach a policy or statement for which ``wanted`` returns True.

        It begins in the base chains of ``hook`` in these address families. ``wanted`` gets a statement in
        nft's JSON; a policy is passed as a statement too.
        """
        seen: set[Chain] = set()
        for chain in self._chains:
            if chain.get("hook") == hook and chain.get("family") in families:
                key = str(chain["family"]), str(chain.get("table")), str(chain.get("name"))
                if wanted({str(chain.get("policy")): None}) or self._comes(key, wanted, seen):
                    return True
        return False

    def _comes(self, chain: Chain, wanted: Callable[[Expression], bool], seen: set[Chain]) -> bool:
        """Return whether packets reach a statement that ``wanted`` accepts, in a chain or one it jumps to.

        ``seen``: the chains visited before; each is visited once.
        """
        if chain in seen:
            return False
        seen.add(chain)
        return any(
            wanted(statement)
            or any(self._comes((*chain[:2], to), wanted, seen) for to in _targets(statement))
            for rule in self._rules.get(chain, ())
            for statement in self._reached(rule)
        )

    def _reached(self, rule: list[dict[str, Any]]) -> Iterator[Expression]:
        """Yield the statements of a rule, and the verdicts of its maps, if it applies to the packets."""
        if not all(self._matches(statement) for statement in rule):
            return
        for statement in rule:
            vmap = statement.get("vmap")
            if not isinstance(vmap, dict):
                yield statement
                continue
            for key, verdict in _entries(vmap):
                if self._packets.meets(vmap.get("key"), (key,), equal=True):
                    yield verdict

    def _matches(self, statement: Expression) -> bool:
        xt = statement.get("xt")
        if isinstance(xt, dict):
            return xt.get("type") != "match" or xt.get("name") in _TELLING
        match = statement.get("match")
        if not isinstance(match, dict):
            return True
        values = list(_values(match.get("right")))
        return self._packets.meets(match.get("left"), values, equal=match.get("op") != "!=")


def _values(right: Any) -> Iterator[Any]:
    """Yield the values on the right of a comparison in nft's JSON: of a set, a list or a single value."""
    if isinstance(right, dict) and "set" in right:
        right = right["set"]
    yield from right if isinstance(right, list) else (right,)


def _targets(statement: Expression) -> Iterator[str]:
    for word in ("jump", "goto"):
        to = statement.get(word)
        if isinstance(to, dict):
            yield str(to.get("target"))


def _entries(vmap: Expression) -> Iterator[tuple[Any, Expression]]:
    for entry in _values(vmap.get("data")):
        if isinstance(entry, list) and len(entry) == 2 and isinstance(entry[1], dict):
            yield entry[0], entry[1]
