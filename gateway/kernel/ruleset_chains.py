"""The chains of the table: what happens to a packet, from the LAN's door to the way out.

``pre`` finds out whose packet it is, ``ask`` sends what is undecided to a queue, ``after`` copies the verdict
to the connection and lets through what is open now, ``cut`` ends the rest. Only constants are OR-ed into
marks: kernels before 6.18 refuse a whole transaction for anything else.

Untracked and invalid packets have no connection mark, and every rule that reads one passes them over. The
order of the rules takes that into account: what must not meet them asks for a slot first.
"""

from __future__ import annotations

from collections.abc import Iterator

from gateway.kernel.marks import (
    FORGED,
    MARK_MASK,
    PLAIN_SLOT,
    SLOT_CODE_BITS,
    STATE_BITS,
    STATE_MASK,
    Kind,
    MarkLayout,
    State,
    queue_number,
    slot_group,
)
from gateway.kernel.ruleset_dns import dns_chains, unqueued
from gateway.kernel.ruleset_words import Chains, Words, braced, hexed, queue_chain
from gateway.kernel.snapshot import Snapshot

ICMP, TCP, UDP, ICMPV6 = 1, 6, 17, 58
_DOFF = range(5, 16)  # TCP header length in words (RFC 9293 3.1)


def chains(snapshot: Snapshot) -> Chains:
    """All chains in a fixed order. Their rules depend on the snapshot; the base chains' hooks never do."""
    words = Words(snapshot)
    return {
        **_who(snapshot, words),
        **dns_chains(snapshot, words),
        **_ask(snapshot, words),
        **_queues(snapshot, words),
        **_after(snapshot, words),
        **_forged(snapshot, words),
    }


def _who(snapshot: Snapshot, words: Words) -> Chains:
    """The slot by MAC address, one chain a slot, since a map cannot give what is OR-ed into a mark."""
    unknown = "plain" if snapshot.guest is None else f"slot{snapshot.guest}"
    out: Chains = {
        "pre": [
            "type filter hook prerouting priority -160; policy accept;",
            *([] if snapshot.dns_for_everyone else [f"{words.plain} accept"]),
            f"{words.no_slot} {words.from_lan} jump who",
            f"udp dport 53 {words.from_lan} goto question",
        ],
        "who": [*_pages_alone(snapshot), "ether saddr vmap @dev", f"goto {unknown}"],
        "plain": [f"ct mark set ct mark | {hexed(snapshot.layout.ct_mark(PLAIN_SLOT))}"],
    }
    for slot in snapshot.slots:
        out[f"slot{slot.number}"] = [
            f"ct mark set ct mark | {hexed(snapshot.layout.ct_mark(slot.number))}",
            "ct state invalid,untracked drop",  # met from `unseen` alone: `pre` never sends such packets here
        ]
    return out


def _pages_alone(snapshot: Snapshot) -> Iterator[str]:
    """The pages' address has port 80 alone. Browsers try HTTPS first, and would wait for the internet."""
    for page in snapshot.pages:
        family = "ip6" if ":" in page else "ip"
        yield f"{family} daddr {page} tcp dport != 80 reject with tcp reset"


def _ask(snapshot: Snapshot, words: Words) -> Chains:
    return {
        "ask": [
            "type filter hook forward priority -155; policy accept;",
            f"{words.plain} {'goto unfiltered' if snapshot.offload else 'accept'}",
            f"{words.state_is(State.PASSES)} accept",
            f"{words.no_slot} accept",
            "ct state invalid,untracked goto unseen",
            *unqueued(snapshot, words),
            words.clear_packet,
            f"{words.state_is(State.REFUSED)} accept",
            f"{words.from_lan} {words.to_lan} accept",
            f"{words.is_help} accept",
            f"{words.asks} {words.to_lan} accept",
            f"meta l4proto {braced(map(str, sorted({ICMP, ICMPV6, *snapshot.protocols})))} accept",
            f"meta l4proto != {{ {TCP}, {UDP} }} goto cut",
            *_without_payload(),
            f"meta l4proto udp {words.from_lan} ct direction original ct original proto-dst 53 accept",
            f"meta l4proto udp {words.to_lan} ct direction reply ct original proto-dst 53 accept",
            *([words.rate_guard, words.dispatch()] if snapshot.slots else []),
        ],
        "unseen": [f"{words.from_lan} {words.not_to_lan} goto who"],
        **_unfiltered(snapshot),
    }


def _without_payload() -> Iterator[str]:
    """By length, not by flag: a SYN that carries data (RFC 7413) is asked about, and so is an empty segment
    with an urgent pointer, which says that a byte of another one is no part of the stream.
    """
    ipv4 = (f"5 . {doff} . {20 + 4 * doff}" for doff in _DOFF)
    ipv6 = (f"{doff} . {4 * doff}" for doff in _DOFF)
    yield f"tcp flags & urg == 0 ip protocol tcp ip hdrlength . tcp doff . ip length {braced(ipv4)} accept"
    yield f"tcp flags & urg == 0 ip6 nexthdr tcp tcp doff . ip6 length {braced(ipv6)} accept"


def _unfiltered(snapshot: Snapshot) -> Chains:
    """Only what no rule can ever close is offloaded: such a flow outlives its cut and is not counted."""
    if snapshot.offload is None:
        return {}
    return {
        "unfiltered": [
            "ct original proto-dst 53 accept",
            f"meta l4proto {{ {TCP}, {UDP} }} ct state established flow add @ft",
        ]
    }


def _queues(snapshot: Snapshot, words: Words) -> Chains:
    out: Chains = {}
    for group, closed in sorted({(slot_group(slot.number), slot.closed) for slot in snapshot.slots}):
        first = group << SLOT_CODE_BITS
        kinds = (Kind.CLOSED_TCP, Kind.CLOSED_UDP) if closed else (Kind.OPEN_TCP, Kind.OPEN_UDP)
        tcp, udp = (
            words.enqueue(queue_number(snapshot.queue_base, first, kind), closed=closed) for kind in kinds
        )
        out[queue_chain(first, closed)] = [
            *(words.help_while_dead() if closed else [f"{words.dead} accept"]),
            "jump code",
            *([f"meta l4proto tcp {tcp}"] if tcp != udp else []),
            udp,
        ]
    if out:
        out["code"] = list(_slot_code(snapshot.layout))
    return out


def _slot_code(layout: MarkLayout) -> Iterator[str]:
    for bit in range(SLOT_CODE_BITS):
        there, here = 1 << layout.slot_shift + bit, 1 << layout.packet_shift + STATE_BITS + bit
        yield f"ct mark & {hexed(there)} != 0 meta mark set meta mark | {hexed(here)}"


def _after(snapshot: Snapshot, words: Words) -> Chains:
    layout = snapshot.layout
    return {
        "after": [
            "type filter hook forward priority -140; policy accept;",
            f"{words.plain} accept",
            f"{words.state_is(State.PASSES)} goto metered",  # never looks at the packet's mark
            f"{words.has_slot} goto judged",
        ],
        "judged": [
            f"{words.packet_state} != 0 jump copy",
            words.clear_packet,
            f"{words.state_is(State.UNDECIDED)} accept",
            f"{words.is_help} accept",
            f"{words.state_is(State.REFUSED)} goto cut",
            "goto metered",
        ],
        "copy": list(_copy(layout, words)),
        "metered": [
            f"ct mark & {hexed(layout.ct_ours)} vmap @pass",
            *(words.help_while_dead(words.closed) if words.closed else []),
            "goto cut",
        ],
        "cut": [
            # The reset goes to the LAN side: the next packet of a download is the server's, and a client
            # hangs for seconds when only the server hears of it.
            f"meta l4proto tcp {words.from_lan} tcp flags & rst == 0 reject with tcp reset",
            "meta l4proto tcp accept",
            f"{words.from_lan} reject with icmpx admin-prohibited",
            "drop",
        ],
    }


def _copy(layout: MarkLayout, words: Words) -> Iterator[str]:
    """The class first, the state last and in one step: another processor never meets half a verdict."""
    yield f"ct mark set ct mark & {hexed(MARK_MASK ^ layout.ct)}"
    for bit in range(STATE_BITS, 8):
        here, there = 1 << layout.packet_shift + bit, 1 << layout.ct_shift + bit
        yield f"meta mark & {hexed(here)} != 0 ct mark set ct mark | {hexed(there)}"
    for state in range(1, STATE_MASK + 1):
        here, there = state << layout.packet_shift, state << layout.ct_shift
        yield f"{words.packet_state} == {hexed(here)} ct mark set ct mark | {hexed(there)}"


def _forged(snapshot: Snapshot, words: Words) -> Chains:
    """The daemon's own packets are not tracked: the answer to a dropped question would be no one's reply."""
    layout = snapshot.layout
    ours = f"meta mark & {hexed(layout.packet)} == {hexed(FORGED << layout.packet_shift)}"
    return {
        "forged": [
            "type filter hook output priority -300; policy accept;",
            f"{ours} {words.clear_packet} notrack",
        ]
    }
