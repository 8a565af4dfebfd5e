"""`qalqan setup` says what it found, and what it cannot close. Pure: one line each."""

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
    """Where an interface gets an address that stays."""
    return next((_WHERE[one] for one in facts.managers if one in _WHERE), "with: ip address add")


def notes(facts: Facts, answers: Answers, offers: Sequence[Offer]) -> Iterator[str]:
    yield from _one_arm(facts, answers) if answers.one_armed else _two_arms(facts, answers)
    yield from _dhcp(facts, answers, offers)
    yield from _own_address(facts, answers)
    if facts.flushes:
        yield (
            f"{facts.flushes} throws all rules away when it is loaded (nftables.service): ours come back "
            "within a second, and translation with qalqan-nat.service, which the package has for that"
        )
    if "dhcp-script" in facts.dnsmasq.options:
        yield "dnsmasq tells another program of leases (dhcp-script): devices are seen all the same"


def _one_arm(facts: Facts, answers: Answers) -> Iterator[str]:
    (arm,) = answers.lan
    own = ", ".join(str(one.ip) for one in facts.machine.addresses[arm] if one.version == 4)
    yield f"one arm filters those alone who name {own} as their gateway and resolver, as DHCP tells them"
    yield (
        "a device on which somebody enters the router's address as its gateway walks around this machine; "
        "only the router can close that, by letting nobody out but this machine"
    )
    routers = _ipv6_routers(facts, arm)
    if routers:
        yield (
            f"{' and '.join(routers)} on {arm} tells devices that it is their IPv6 router: over IPv6 they "
            "walk around this machine; switch IPv6, or its router advertisements, off there"
        )
    else:
        yield (
            f"no IPv6 router was seen on {arm}; where one comes later, devices walk around this machine "
            "over IPv6"
        )


def _two_arms(facts: Facts, answers: Answers) -> Iterator[str]:
    machine = facts.machine
    inside6 = [
        name
        for name in answers.lan
        if any(one.version == 6 and not one.is_link_local for one in machine.addresses[name])
    ]
    if answers.wan in machine.way_out(6) and inside6 and facts.forwards6:
        yield "IPv6 goes through this machine too, and is filtered as IPv4 is"
    elif answers.wan in machine.way_out(6):
        yield (
            "the internet is there over IPv6 too, and the home has none: devices have IPv4 alone; to change "
            "that have your network manager ask the provider for a prefix, then run: qalqan check"
        )
    for name in answers.lan:
        for router in _ipv6_routers(facts, name):
            yield (
                f"{router} on {name} says that it is an IPv6 router: devices may walk around this "
                "machine; switch that off there"
            )


def _ipv6_routers(facts: Facts, name: str) -> list[str]:
    """Who says so of itself there, and where this machine's own default route leads by that interface."""
    said: list[Address] = [one.ip for one in facts.machine.seen if one.interface == name and one.router]
    led = [one.gateway for one in facts.machine.ways if one.interface == name and one.version == 6]
    return sorted({str(one) for one in (*said, *led) if one is not None and one.version == 6})


def _dhcp(facts: Facts, answers: Answers, offers: Sequence[Offer]) -> Iterator[str]:
    own = {str(one.ip) for name in answers.lan for one in facts.machine.addresses[name]}
    for one in offers:
        if one.server in own:
            continue
        if answers.one_armed and one.router in own:
            yield f"{one.server} gives addresses, and names this machine as the gateway: as it should be"
        elif answers.pool is not None:
            yield (
                f"{one.server} gives addresses on {answers.lan[0]} too: switch its DHCP off, or devices "
                "get theirs from whoever answers first"
            )
        else:
            told = f" and names {one.router} as the gateway" if one.router else ""
            mend = "have it name this machine instead, or switch it off and let this machine do it (--dhcp)"
            yield (
                f"{one.server} gives addresses on {answers.lan[0]}{told}: those devices go past this "
                f"machine; {mend}"
            )
    serves = answers.pool is not None or "dhcp-range" in facts.dnsmasq.options or facts.lent
    if not offers and not serves:
        yield (
            f"nobody gives addresses on {answers.lan[0]}: devices find no gateway by themselves; use "
            "--dhcp, or another DHCP server"
        )


def _own_address(facts: Facts, answers: Answers) -> Iterator[str]:
    for name in answers.lan:
        if name in facts.machine.leased:
            yield (
                f"{name} has its own address from a DHCP server, and devices are to find this machine by "
                "it: give it a "
                f"fixed one {fixed_address(facts)}"
            )
