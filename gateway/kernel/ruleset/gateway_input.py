"""The gateway's input: what devices of children and guests may reach on the gateway itself.

Each packet is checked individually, so a rule change ends running sessions. The rules do not depend on a
running daemon: the pages and the names of help are always reachable.
"""

from __future__ import annotations

from gateway.kernel.ruleset.expressions import Chains, Words, braced
from gateway.kernel.snapshot import Snapshot

TCP, UDP = 6, 17
ICMP, IGMP, ICMPV6 = 1, 2, 58  # MLD and neighbour discovery are ICMPv6
DNS, DHCP, NTP, DHCPV6, MDNS = 53, 67, 123, 547, 5353


def at_door(snapshot: Snapshot, words: Words) -> list[str]:
    """Return the input rules for packets that are neither of unfiltered devices nor DNS queries."""
    out: list[str] = []
    if words.kept_out:
        out.append(f"{words.by_lan} goto door")
    ports = sorted({port for port in (snapshot.dns_port, snapshot.help_dns_port) if port is not None})
    if ports:
        # Listeners that only the table's redirects lead to. Replies to the gateway's own ports are exempt.
        inside = braced(f'"{name}"' for name in (*snapshot.lan, "lo"))
        there = f"meta l4proto {{ {TCP}, {UDP} }} th dport {braced(map(str, ports))}"
        out.append(f"iifname != {inside} ct direction original {there} drop")
    return out


def beyond_door(words: Words) -> list[str]:
    """Return the forward rules for undecided packets to ports that the gateway publishes for a container.

    These count as ports of the gateway, although the packets are forwarded (``ct status dnat``). Between the
    LAN's networks they are another device's: a server's public name, used from inside.
    """
    if not words.kept_out:
        return []
    return [f"{words.kept_out} {words.from_lan} ct direction original ct status dnat jump beyond"]


def door_chains(snapshot: Snapshot, words: Words) -> Chains:
    if not words.kept_out:
        return {}
    named = [f"udp dport {braced(map(str, (DHCP, NTP, DHCPV6, MDNS)))} accept"]
    named += [
        f"tcp dport {port} accept"
        for port in (snapshot.page_port, snapshot.page_tls_port)
        if port is not None
    ]
    opened = set(snapshot.door_ports or ())
    if opened:
        ports = braced(map(str, sorted(opened)))
        named.append(f"meta l4proto {{ {TCP}, {UDP} }} th dport {ports} accept")
    led = braced(map(str, sorted({DNS, NTP, *opened})))
    return {
        "door": [
            "ct direction reply accept",  # replies to the gateway
            # Before untracked packets are refused: neighbour discovery is never tracked.
            f"meta l4proto {braced(map(str, (ICMP, IGMP, ICMPV6)))} accept",
            "ct state invalid,untracked goto who",
            f"{words.no_slot} jump who",
            f"{words.kept_out} goto kept",
        ],
        "beyond": [
            # DNS and time that another program redirects, and ports that the family opens.
            f"meta l4proto {{ {TCP}, {UDP} }} ct original proto-dst {led} return",
            "goto cut",
        ],
        # Redirected or not, a query is recognized by its original port.
        "kept": [
            f"meta l4proto {{ {TCP}, {UDP} }} ct original proto-dst {DNS} accept",
            *named,
            # The kernel does not choose the right link for a reset to a link-local address; it would be lost.
            "ip6 saddr fe80::/10 reject with icmpx admin-prohibited",
            "goto cut",
        ],
    }
