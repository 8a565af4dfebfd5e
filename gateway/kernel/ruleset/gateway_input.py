"""The gateway's own door: what the devices of children and guests may ask of the gateway itself.

Each packet is met by itself, so a rule that changes ends a session that runs. Nothing here asks whether a
daemon lives: the page and the names of help are reached either way.
"""

from __future__ import annotations

from gateway.kernel.ruleset.expressions import Chains, Words, braced
from gateway.kernel.snapshot import Snapshot

TCP, UDP = 6, 17
ICMP, IGMP, ICMPV6 = 1, 2, 58  # MLD and neighbour discovery are ICMPv6
DNS, DHCP, NTP, DHCPV6, MDNS = 53, 67, 123, 547, 5353


def at_door(snapshot: Snapshot, words: Words) -> list[str]:
    """What the input hook asks of all that is neither an unfiltered device's nor a question."""
    out: list[str] = []
    if words.kept_out:
        out.append(f"{words.by_lan} goto door")
    ports = sorted({port for port in (snapshot.dns_port, snapshot.help_dns_port) if port is not None})
    if ports:
        # Listeners that the table alone leads to. Replies to the gateway's own ports are no visitors.
        inside = braced(f'"{name}"' for name in (*snapshot.lan, "lo"))
        there = f"meta l4proto {{ {TCP}, {UDP} }} th dport {braced(map(str, ports))}"
        out.append(f"iifname != {inside} ct direction original {there} drop")
    return out


def beyond_door(words: Words) -> list[str]:
    """What the forward hook asks of all that is undecided: a port of a container that the gateway publishes
    is the gateway's too, though the packets go on (``ct status dnat``). Between the home's networks it is
    another device's: a server's public name, called from inside.
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
            "ct direction reply accept",  # the gateway asked
            # Before the untracked are refused: neighbour discovery never has a connection.
            f"meta l4proto {braced(map(str, (ICMP, IGMP, ICMPV6)))} accept",
            "ct state invalid,untracked goto who",
            f"{words.no_slot} jump who",
            f"{words.kept_out} goto kept",
        ],
        "beyond": [
            # DNS and time that another program leads elsewhere; and what the family opens.
            f"meta l4proto {{ {TCP}, {UDP} }} ct original proto-dst {led} return",
            "goto cut",
        ],
        # Redirected or not, a question is known by the port that was asked.
        "kept": [
            f"meta l4proto {{ {TCP}, {UDP} }} ct original proto-dst {DNS} accept",
            *named,
            # The kernel routes a reset to a link-local address as if every link were one, and it gets lost.
            "ip6 saddr fe80::/10 reject with icmpx admin-prohibited",
            "goto cut",
        ],
    }
