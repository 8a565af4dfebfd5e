"""Decides what `qalqan setup` proposes and does, and explains what it cannot do. Pure: facts → plan."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from gateway.check.firewall import masquerades
from gateway.check.lan import CONTAINERS, PRIVATE
from gateway.lan.machine import Address
from gateway.setup.facts import Answers, MachineFacts, Offer, Pool, SetupError, SetupPlan

DNSMASQ_LEASES = "/var/lib/misc/dnsmasq.leases"  # Debian's
BINDING = frozenset({"bind-interfaces", "bind-dynamic"})
SMALLEST = 16  # addresses of a network for which a pool is proposed

_WHERE = {
    "NetworkManager": "in NetworkManager (nmtui, `ipv4.method manual`)",
    "systemd-networkd": "in /etc/systemd/network (`Address=`)",
    "dhcpcd": "in /etc/dhcpcd.conf (`static ip_address=`)",
    "ifupdown": "in /etc/network/interfaces (`inet static`)",
}


@dataclass(frozen=True, slots=True)
class InterfaceProposal:
    """The proposed interfaces for LAN and internet, with reasons for the user.

    ``one_armed``: one interface is both, because no other fits the LAN.
    """

    lan: tuple[str, ...]
    wan: str
    one_armed: bool
    reasons: tuple[str, ...]


def ready(facts: MachineFacts) -> None:
    """Raise SetupError if this machine cannot become a gateway, whatever the user answers."""
    if facts.openwrt:
        msg = "this is OpenWrt: its interfaces are set in /etc/config/qalqan; change them there or in LuCI"
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
            "this machine has no default route over IPv4, so no device can use it; connect it to the "
            "internet first"
        )
        raise SetupError(msg)


def propose(facts: MachineFacts) -> InterfaceProposal:
    """Return the interface of the first IPv4 default route, and the one that is most likely the LAN's.

    If no other fits, it is the same one (one arm). Call `ready` first: it raises an error without a
    default route.
    """
    way = next(way for way in facts.machine.ways if way.version == 4)
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
        return InterfaceProposal((way.interface,), way.interface, True, tuple(reasons))
    best = max(rank for rank, _ in ranked)
    return InterfaceProposal(
        (next(name for rank, name in ranked if rank == best),), way.interface, False, tuple(reasons)
    )


def _rank(facts: MachineFacts, name: str, out: str) -> tuple[int, str]:
    """Return how likely an interface is the LAN's, from 0 (impossible) to 4, and why. ``out``: the uplink."""
    ports = [link.name for link in facts.machine.links.values() if link.master == name]
    addresses = [address for address in facts.machine.addresses[name] if address.version == 4]
    if name in facts.access_points or facts.access_points.intersection(ports):
        return 4, "is the home's side: devices join its Wi-Fi"
    if not addresses:
        return 0, "has no address: no device can use it"
    if name in facts.machine.way_out(4):
        return 0, "leads to the internet as well"
    if any(own.network.overlaps(other) for own in addresses for other in _networks(facts, out)):
        return 0, f"is in the same network as {out}"
    if ports:
        return 3, f"is the home's side: it joins {', '.join(sorted(ports))}"
    if any(address.ip in network for address in addresses for network in PRIVATE):
        return 2, f"is the home's side: it has {addresses[0].ip}, and no way out"
    return 1, f"has {addresses[0].ip}, and no way out"


def _networks(facts: MachineFacts, name: str) -> Iterator[ipaddress.IPv4Network]:
    for address in facts.machine.addresses[name]:
        if isinstance(address, ipaddress.IPv4Interface):
            yield address.network


def decide(facts: MachineFacts, answers: Answers, offers: Sequence[Offer] = ()) -> SetupPlan:
    """Return what setup will write and change, from the facts about the machine and the user's answers.

    ``offers``: what DHCP servers on the LAN offer. Raises SetupError for impossible answers, or if the
    machine cannot become a gateway (`ready`).
    """
    ready(facts)
    possible(facts, answers)
    inside, out = answers.lan, answers.wan
    addresses = [address for name in inside for address in facts.machine.addresses[name]]
    netmask = "" if answers.pool is None else _netmask(facts, answers)
    masqueraded = masquerades(facts.rules, inside, out, addresses)
    return SetupPlan(
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


def possible(facts: MachineFacts, answers: Answers) -> Answers:
    """Return ``answers`` if their interfaces fit the machine. Raises SetupError with the first problem."""
    for problem in _impossible(facts, answers):
        raise SetupError(problem)
    return answers


def _impossible(facts: MachineFacts, answers: Answers) -> Iterator[str]:
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


def _no_side(facts: MachineFacts, answers: Answers, name: str) -> Iterator[str]:
    """Yield why an interface cannot be the LAN's: its traffic does not arrive, or bypasses the filter."""
    machine = facts.machine
    link = machine.links[name]
    bridge = machine.links[answers.wan].master
    if bridge and bridge in (name, link.master):
        yield (
            f"{bridge} bridges {answers.wan} into the LAN: its packets bypass the filter; "
            f"take {answers.wan} out of {bridge}"
        )
    if link.master:
        yield f"{name} is a port of {link.master}; name {link.master}, by which its packets come"
    if not link.up:
        yield f"{name} is switched off; switch it on: ip link set {name} up"
    if not any(address.version == 4 for address in machine.addresses[name]):
        yield (
            f"{name} has no IPv4 address, so no device can use it as its gateway; give it one "
            f"{fixed_address(facts)}"
        )


def _names(names: frozenset[str]) -> str:
    return " and ".join(sorted(names))


def _leases(facts: MachineFacts, answers: Answers) -> str:
    """Return the path of the lease file of this machine's DHCP server; empty if it is not known."""
    for name in answers.lan:
        if name in facts.lent:
            return facts.lent[name]
    if answers.pool is not None or (facts.dnsmasq.service and "dhcp-range" in facts.dnsmasq.options):
        return facts.dnsmasq.options.get("dhcp-leasefile", DNSMASQ_LEASES)
    return ""


def _sysctls(answers: Answers) -> Iterator[tuple[str, str]]:
    yield "net/ipv4/ip_forward", "1"
    if answers.one_armed:
        # New interfaces copy `default`; of `all` and an interface's own value the larger applies.
        for name in ("all", "default", *answers.lan):
            yield f"net/ipv4/conf/{name}/send_redirects", "0"


# -------------------------------------------------------------------- addresses for devices


def propose_pool(facts: MachineFacts, lan: Sequence[str]) -> Pool | None:
    """Return a range for DHCP in the middle of the LAN's IPv4 network; None if that has too few addresses."""
    for address in (address for name in lan for address in facts.machine.addresses[name]):
        network = address.network
        if isinstance(network, ipaddress.IPv4Network) and network.num_addresses >= SMALLEST:
            size = network.num_addresses
            return Pool(
                network.network_address + 100 * size // 256, network.network_address + 200 * size // 256 - 1
            )
    return None


def existing_pool(facts: MachineFacts, answers: Answers) -> Pool | None:
    """Return the range that an earlier setup wrote for dnsmasq; None without one, or if it no longer fits."""
    first, _, rest = facts.dnsmasq.own_range.partition(",")
    try:
        pool = read_pool(f"{first}-{rest.partition(',')[0]}")
        decide(facts, replace(answers, pool=pool))
    except SetupError:
        return None
    return pool


def read_pool(text: str) -> Pool:
    """Return the address range in a text such as ``192.168.1.100-192.168.1.199``. Raises SetupError."""
    first, _, last = text.replace(" ", "").partition("-")
    try:
        pool = Pool(ipaddress.IPv4Address(first), ipaddress.IPv4Address(last))
    except ValueError:
        msg = f"{text!r} is no range of addresses; write it like 192.168.1.100-192.168.1.199"
        raise SetupError(msg) from None
    if pool.first > pool.last:
        msg = f"{pool} ends before it begins; swap the two addresses"
        raise SetupError(msg)
    return pool


def _netmask(facts: MachineFacts, answers: Answers) -> str:
    """Return the netmask of the network in which the address range for DHCP is.

    Raises SetupError if it is in no network of the LAN, contains a router's or this machine's address there,
    or if dnsmasq has no service or assigns addresses already.
    """
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
    for own in (address for name in answers.lan for address in facts.machine.addresses[name]):
        if (
            isinstance(own, ipaddress.IPv4Interface)
            and pool.first in own.network
            and pool.last in own.network
        ):
            taken = own.ip, *(way.gateway for way in facts.machine.ways)
            if any(isinstance(ip, ipaddress.IPv4Address) and pool.first <= ip <= pool.last for ip in taken):
                msg = f"{pool} contains this machine's or the router's own address; choose another range"
                raise SetupError(msg)
            return str(own.netmask)
    msg = f"{pool} is in no network of {', '.join(answers.lan)}; look it up with: ip address"
    raise SetupError(msg)


# -------------------------------------------------------------------- remarks


def fixed_address(facts: MachineFacts) -> str:
    """Return where the user sets this machine's fixed address, by the program that manages the network.

    For example ``in /etc/network/interfaces (`inet static`)``.
    """
    return next((_WHERE[name] for name in facts.managers if name in _WHERE), "with: ip address add")


def notes(facts: MachineFacts, answers: Answers, offers: Sequence[Offer]) -> Iterator[str]:
    """Yield remarks for the user about the plan: IPv6, DHCP servers, own address, rules of other programs."""
    yield from _one_arm(facts, answers) if answers.one_armed else _two_arms(facts, answers)
    yield from _dhcp(facts, answers, offers)
    yield from _own_address(facts, answers)
    if facts.flushes:
        yield (
            f"{facts.flushes} deletes all rules when it is loaded (nftables.service): ours are restored "
            "within a second, and address translation by qalqan-nat.service of the package"
        )
    if "dhcp-script" in facts.dnsmasq.options:
        yield "dnsmasq already runs another dhcp-script: devices are detected without its lease events"


def _one_arm(facts: MachineFacts, answers: Answers) -> Iterator[str]:
    (arm,) = answers.lan
    own = ", ".join(str(address.ip) for address in facts.machine.addresses[arm] if address.version == 4)
    yield f"one arm filters only devices whose gateway and resolver is {own}, as DHCP announces it"
    yield (
        "a device with the router's address entered by hand as its gateway bypasses this machine; "
        "only the router can prevent that, by letting only this machine out"
    )
    routers = _ipv6_routers(facts, arm)
    if routers:
        yield (
            f"{' and '.join(routers)} on {arm} announces itself as the IPv6 router: over IPv6 devices "
            "bypass this machine; switch IPv6, or its router advertisements, off there"
        )
    else:
        yield (
            f"no IPv6 router was seen on {arm}; if one is added later, devices bypass this machine over IPv6"
        )


def _two_arms(facts: MachineFacts, answers: Answers) -> Iterator[str]:
    machine = facts.machine
    inside6 = [
        name
        for name in answers.lan
        if any(address.version == 6 and not address.is_link_local for address in machine.addresses[name])
    ]
    if answers.wan in machine.way_out(6) and inside6 and facts.forwards6:
        yield "IPv6 goes through this machine too, and is filtered like IPv4"
    elif answers.wan in machine.way_out(6):
        yield (
            "the internet is available over IPv6 too, and the LAN has no IPv6: devices use IPv4 only; to "
            "change this, let your network manager request a prefix from the provider, then run: qalqan check"
        )
    for name in answers.lan:
        for router in _ipv6_routers(facts, name):
            yield (
                f"{router} on {name} announces itself as an IPv6 router: devices may bypass this "
                "machine; switch that off there"
            )


def _ipv6_routers(facts: MachineFacts, name: str) -> list[str]:
    """Return the IPv6 addresses of the routers on interface ``name``, sorted.

    These are neighbours that announce themselves as routers, and the gateways of this machine's default
    routes.
    """
    seen = facts.machine.seen
    announced: list[Address] = [router.ip for router in seen if router.interface == name and router.router]
    used = [way.gateway for way in facts.machine.ways if way.interface == name and way.version == 6]
    return sorted({str(ip) for ip in (*announced, *used) if ip is not None and ip.version == 6})


def _dhcp(facts: MachineFacts, answers: Answers, offers: Sequence[Offer]) -> Iterator[str]:
    own = {str(address.ip) for name in answers.lan for address in facts.machine.addresses[name]}
    for offer in offers:
        if offer.server in own:
            continue
        if answers.one_armed and offer.router in own:
            yield f"{offer.server} assigns addresses and announces this machine as the gateway, as required"
        elif answers.pool is not None:
            yield (
                f"{offer.server} assigns addresses on {answers.lan[0]} too: switch its DHCP off, or devices "
                "use whichever answers first"
            )
        else:
            router = f" and announces {offer.router} as the gateway" if offer.router else ""
            fix = "let it announce this machine, or switch it off and let this machine do it (--dhcp)"
            yield (
                f"{offer.server} assigns addresses on {answers.lan[0]}{router}: those devices bypass this "
                f"machine; {fix}"
            )
    serves = answers.pool is not None or "dhcp-range" in facts.dnsmasq.options or facts.lent
    if not offers and not serves:
        yield (
            f"no server assigns addresses on {answers.lan[0]}: devices get no gateway automatically; use "
            "--dhcp, or another DHCP server"
        )


def _own_address(facts: MachineFacts, answers: Answers) -> Iterator[str]:
    for name in answers.lan:
        if name in facts.machine.leased:
            yield (
                f"{name} has its own address from a DHCP server, and devices find this machine by it: "
                f"give it a fixed one {fixed_address(facts)}"
            )
