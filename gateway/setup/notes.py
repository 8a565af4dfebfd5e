"""The remarks of `qalqan setup`: what it found, and what it cannot block. Pure: one line each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gateway.lan.machine import Address
from gateway.setup.facts import Answers, Facts, Offer

_WHERE = {
    "NetworkManager": "in NetworkManager (nmtui, `ipv4.method manual`)",
    "systemd-networkd": "in /etc/systemd/network (`Address=`)",
    "dhcpcd": "in /etc/dhcpcd.conf (`static ip_address=`)",
    "ifupdown": "in /etc/network/interfaces (`inet static`)",
}


def fixed_address(facts: Facts) -> str:
    """Return where an interface gets a fixed address."""
    return next((_WHERE[name] for name in facts.managers if name in _WHERE), "with: ip address add")


def notes(facts: Facts, answers: Answers, offers: Sequence[Offer]) -> Iterator[str]:
    """Yield the remarks."""
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


def _one_arm(facts: Facts, answers: Answers) -> Iterator[str]:
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


def _two_arms(facts: Facts, answers: Answers) -> Iterator[str]:
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


def _ipv6_routers(facts: Facts, name: str) -> list[str]:
    """Return the routers that announce themselves there, and our default route over that interface."""
    seen = facts.machine.seen
    announced: list[Address] = [router.ip for router in seen if router.interface == name and router.router]
    used = [way.gateway for way in facts.machine.ways if way.interface == name and way.version == 6]
    return sorted({str(ip) for ip in (*announced, *used) if ip is not None and ip.version == 6})


def _dhcp(facts: Facts, answers: Answers, offers: Sequence[Offer]) -> Iterator[str]:
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


def _own_address(facts: Facts, answers: Answers) -> Iterator[str]:
    for name in answers.lan:
        if name in facts.machine.leased:
            yield (
                f"{name} has its own address from a DHCP server, and devices find this machine by it: "
                f"give it a fixed one {fixed_address(facts)}"
            )
