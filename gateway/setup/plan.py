"""`qalqan setup` decides: what is proposed, what cannot filter and why, what is done. Pure: facts → plan."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gateway.check.firewall import masquerades
from gateway.check.lan import CONTAINERS, PRIVATE
from gateway.setup.facts import Answers, Facts, Offer, Plan, Pool, SetupError
from gateway.setup.notes import fixed_address, notes

DNSMASQ_LEASES = "/var/lib/misc/dnsmasq.leases"  # Debian's
BINDING = frozenset({"bind-interfaces", "bind-dynamic"})
SMALLEST = 16  # addresses of a network in which a pool is proposed


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a first look makes of the machine; one arm where it has no other interface for the home."""

    lan: tuple[str, ...]
    wan: str
    one_armed: bool
    reasons: tuple[str, ...]


def ready(facts: Facts) -> None:
    """Raises SetupError for a machine that cannot filter, whatever is answered."""
    if facts.openwrt:
        msg = "this is OpenWrt: its interfaces stand in /etc/config/qalqan; change them there or in LuCI"
        raise SetupError(msg)
    if not facts.kernel.capable:
        msg = (
            "this process may not change the network (no CAP_NET_ADMIN); run it as root, and give a "
            "container NET_ADMIN and the host's network"
        )
        raise SetupError(msg)
    if facts.kernel.nft:
        msg = f"rules cannot be loaded: {facts.kernel.nft}"
        raise SetupError(msg)
    if not facts.kernel.queue:
        msg = (
            "this kernel has no netfilter queue (nft_queue, or xt_NFQUEUE with nft_compat); start "
            "Debian's or Raspberry Pi OS's own kernel"
        )
        raise SetupError(msg)
    if not facts.machine.way_out(4):
        msg = (
            "this machine has no default route over IPv4, so it is in nobody's path; connect it to the "
            "internet first"
        )
        raise SetupError(msg)


def propose(facts: Facts) -> Proposal:
    """``facts`` are `ready`'s. The interface of the first default route, and the likeliest one for the "
    "home."""
    way = next(one for one in facts.machine.ways if one.version == 4)
    reasons = [f"{way.interface} leads to the internet: the default route goes by it"]
    if way.gateway is not None:
        reasons[0] += f", to {way.gateway}"
    ranked: list[tuple[int, str]] = []
    for name, link in sorted(facts.machine.links.items()):
        if name == way.interface or not link.ethernet or link.master or CONTAINERS.match(name):
            continue
        rank, why = _rank(facts, name, way.interface)
        reasons.append(f"{name} {why}")
        if rank:
            ranked.append((rank, name))
    if not ranked:
        reasons.append("no other interface has devices of the home behind it: this machine has one arm")
        return Proposal((way.interface,), way.interface, True, tuple(reasons))
    best = max(rank for rank, _ in ranked)
    return Proposal(
        (next(name for rank, name in ranked if rank == best),), way.interface, False, tuple(reasons)
    )


def _rank(facts: Facts, name: str, out: str) -> tuple[int, str]:
    """How likely the home is behind an interface, and why. 0: nobody can be there."""
    ports = [one.name for one in facts.machine.links.values() if one.master == name]
    addresses = [one for one in facts.machine.addresses[name] if one.version == 4]
    if name in facts.access_points or facts.access_points.intersection(ports):
        return 4, "is the home's side: devices join its Wi-Fi"
    if not addresses:
        return 0, "has no address: nobody goes through it"
    if name in facts.machine.way_out(4):
        return 0, "leads to the internet as well"
    if any(one.network.overlaps(other) for one in addresses for other in _networks(facts, out)):
        return 0, f"is in the same network as {out}"
    if ports:
        return 3, f"is the home's side: it joins {', '.join(sorted(ports))}"
    if any(address.ip in network for address in addresses for network in PRIVATE):
        return 2, f"is the home's side: it has {addresses[0].ip}, and no way out"
    return 1, f"has {addresses[0].ip}, and no way out"


def _networks(facts: Facts, name: str) -> Iterator[ipaddress.IPv4Network]:
    for one in facts.machine.addresses[name]:
        if isinstance(one, ipaddress.IPv4Interface):
            yield one.network


def decide(facts: Facts, answers: Answers, offers: Sequence[Offer] = ()) -> Plan:
    """Raises SetupError where the answers cannot filter. ``offers``: of DHCP servers on the home's side."""
    ready(facts)
    possible(facts, answers)
    inside, out = answers.lan, answers.wan
    addresses = [one for name in inside for one in facts.machine.addresses[name]]
    netmask = "" if answers.pool is None else _netmask(facts, answers)
    masqueraded = masquerades(facts.rules, inside, out, addresses)
    return Plan(
        lan=inside,
        wan=out,
        one_armed=answers.one_armed,
        country=answers.country,
        timezone=answers.timezone,
        lists_update=answers.lists_update,
        masquerade4=not masqueraded,
        masquerade6=answers.one_armed,
        pool=answers.pool,
        netmask=netmask,
        bound=not BINDING.isdisjoint(facts.dnsmasq.options),
        hook="" if "dhcp-script" in facts.dnsmasq.options or not facts.dnsmasq.service else facts.hook,
        leases=_leases(facts, answers),
        sysctls=tuple(_sysctls(answers)),
        notes=tuple(notes(facts, answers, offers)),
    )


def possible(facts: Facts, answers: Answers) -> Answers:
    """The same. Raises SetupError where these sides cannot filter."""
    for problem in _impossible(facts, answers):
        raise SetupError(problem)
    return answers


def _impossible(facts: Facts, answers: Answers) -> Iterator[str]:
    machine = facts.machine
    if not answers.lan:
        yield "no interface is named for the home; look it up with: ip link"
    for name in (*answers.lan, answers.wan):
        if name not in machine.links:
            yield f"there is no interface {name}; look it up with: ip link"
    out = machine.way_out(4)
    if answers.one_armed:
        (arm,) = answers.lan
        if arm not in out:
            yield f"{arm} is not the way to the internet, {_names(out)} is: it has two arms; use --lan {arm}"
    elif answers.wan in answers.lan:
        yield (
            f"{answers.wan} cannot be both sides; add an interface, or make it one arm: --one-armed "
            f"{answers.wan}"
        )
    elif answers.wan not in out:
        yield f"{answers.wan} does not lead to the internet, {_names(out)} does; use --wan {min(out)}"
    for name in answers.lan:
        yield from _no_side(facts, answers, name)
    for name in () if answers.one_armed else answers.lan:
        for inner in machine.addresses[name]:
            if any(
                inner.network.overlaps(o.network)
                for o in machine.addresses[answers.wan]
                if o.version == inner.version and not o.is_link_local
            ):
                yield f"{name} and {answers.wan} are both in {inner.network}; give the home another network"


def _no_side(facts: Facts, answers: Answers, name: str) -> Iterator[str]:
    """Why nobody of the home comes through there, or why what does is not seen."""
    machine = facts.machine
    link = machine.links[name]
    bridge = machine.links[answers.wan].master
    if bridge and bridge in (name, link.master):
        yield (
            f"{bridge} bridges {answers.wan} into the home: what passes there goes beneath the filter; "
            f"take {answers.wan} out of {bridge}"
        )
    if link.master:
        yield f"{name} is a port of {link.master}; name {link.master}, by which its packets come"
    if not link.up:
        yield f"{name} is switched off; switch it on: ip link set {name} up"
    if not any(one.version == 4 for one in machine.addresses[name]):
        yield (
            f"{name} has no IPv4 address, so no device can name it as its gateway; give it one "
            f"{fixed_address(facts)}"
        )


def _names(names: frozenset[str]) -> str:
    return " and ".join(sorted(names))


def _leases(facts: Facts, answers: Answers) -> str:
    """Of who gives addresses on this machine, as far as that is known."""
    for name in answers.lan:
        if name in facts.lent:
            return facts.lent[name]
    if answers.pool is not None or (facts.dnsmasq.service and "dhcp-range" in facts.dnsmasq.options):
        return facts.dnsmasq.options.get("dhcp-leasefile", DNSMASQ_LEASES)
    return ""


def _sysctls(answers: Answers) -> Iterator[tuple[str, str]]:
    yield "net/ipv4/ip_forward", "1"
    if answers.one_armed:
        # An interface that comes later copies `default`; of `all` and its own the larger counts.
        for name in ("all", "default", *answers.lan):
            yield f"net/ipv4/conf/{name}/send_redirects", "0"


# -------------------------------------------------------------------- addresses for devices


def propose_pool(facts: Facts, lan: Sequence[str]) -> Pool | None:
    """The middle of the home's network; None where it is too small for a guess."""
    for one in (one for name in lan for one in facts.machine.addresses[name]):
        network = one.network
        if isinstance(network, ipaddress.IPv4Network) and network.num_addresses >= SMALLEST:
            size = network.num_addresses
            return Pool(
                network.network_address + 100 * size // 256, network.network_address + 200 * size // 256 - 1
            )
    return None


def read_pool(text: str) -> Pool:
    """As it is typed, ``192.168.1.100-192.168.1.199``. Raises SetupError."""
    first, _, last = text.replace(" ", "").partition("-")
    try:
        pool = Pool(ipaddress.IPv4Address(first), ipaddress.IPv4Address(last))
    except ValueError:
        msg = f"{text!r} is no range of addresses; write it like 192.168.1.100-192.168.1.199"
        raise SetupError(msg) from None
    if pool.first > pool.last:
        msg = f"{pool} ends before it begins; turn it around"
        raise SetupError(msg)
    return pool


def _netmask(facts: Facts, answers: Answers) -> str:
    """Of the network that the pool is in. Raises SetupError where none is, or nobody would give them out."""
    pool = answers.pool
    assert pool is not None
    if not facts.dnsmasq.service:
        msg = (
            "no dnsmasq service gives addresses here; install it (apt-get install dnsmasq), then run "
            "setup again"
        )
        raise SetupError(msg)
    if "dhcp-range" in facts.dnsmasq.options:
        msg = (
            f"dnsmasq gives addresses already (dhcp-range={facts.dnsmasq.options['dhcp-range']}); leave "
            "--dhcp out"
        )
        raise SetupError(msg)
    for one in (one for name in answers.lan for one in facts.machine.addresses[name]):
        if (
            isinstance(one, ipaddress.IPv4Interface)
            and pool.first in one.network
            and pool.last in one.network
        ):
            taken = one.ip, *(way.gateway for way in facts.machine.ways)
            if any(isinstance(ip, ipaddress.IPv4Address) and pool.first <= ip <= pool.last for ip in taken):
                msg = f"{pool} has this machine's or the router's own address in it; leave that out"
                raise SetupError(msg)
            return str(one.netmask)
    msg = f"{pool} is in no network of {', '.join(answers.lan)}; look it up with: ip address"
    raise SetupError(msg)
