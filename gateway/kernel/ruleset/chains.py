"""The chains of the table: the path of a packet from the LAN interface to the uplink.

``who`` determines a connection's slot when it begins. Every forwarded packet passes one chain, ``forward``;
unfiltered and decided flows pass few of its rules, and ``ask`` queues the rest. From there a packet passes
``forward`` again with the verdict in its mark, and ``judged`` copies it to the connection. Only constants are
OR-ed into marks: kernels before 6.18 refuse a whole transaction for anything else.

Untracked and invalid packets have no connection mark, so rules that read the mark never match them. The order
of the rules takes this into account: rules that must not match them check for a slot first.
"""

from __future__ import annotations

from collections.abc import Iterator

from gateway.kernel.marks import (
    ASKING,
    FORGED,
    GROUPS,
    SLOT_CODE_BITS,
    STATE_BITS,
    FlowState,
    MarkLayout,
    QueueKind,
    queue_number,
    slot_group,
)
from gateway.kernel.ruleset.boot_guard import forward_without_daemon, without_verdicts
from gateway.kernel.ruleset.dns import dns_chains
from gateway.kernel.ruleset.expressions import (
    ESP,
    Chains,
    Words,
    braced,
    hexed,
    queue_chain,
    queue_target,
    without_payload,
)
from gateway.kernel.ruleset.gateway_input import beyond_door, door_chains
from gateway.kernel.ruleset.verdict import verdict_chains
from gateway.kernel.snapshot import Snapshot

ICMP, TCP, UDP, ICMPV6 = 1, 6, 17, 58
MP_JOIN = 1  # an MPTCP option (RFC 8684, table 2)
# After UDP's header: long header and version (RFC 8999 5.1). v1 and v2; drafts and mvfst.
_LONG_HEADERS = (
    ("0x80ffffffff", ("0x8000000001", "0x806b3343cf")),
    ("0x80ffffff00", ("0x80ff000000", "0x80faceb000")),
)


def chains(snapshot: Snapshot) -> Chains:
    """Return all chains except ``queue_targets``, in a fixed order.

    Their rules depend on the snapshot; the hooks of the base chains never do.
    """
    words = Words(snapshot)
    found = {
        **_who(snapshot, words),
        **dns_chains(snapshot, words),
        **door_chains(snapshot, words),
        **_forward(snapshot, words),
        **_portless(snapshot, words),
        **_ending(snapshot, words),
        **_echoed(snapshot, words),
        **_asking(snapshot, words),
        **_another(snapshot, words),
        **_unfiltered(snapshot),
        **_queues(snapshot, words),
        **verdict_chains(snapshot, words),
        **_forged(snapshot, words),
    }
    return without_verdicts(found) if snapshot.alone else found


def _who(snapshot: Snapshot, words: Words) -> Chains:
    """Find the slot by IP address if the gateway knows that a filtered device answers for it, else by MAC.

    The address comes first, since a sender can write any MAC and still gets the responses. Each slot has one
    chain, since a map cannot provide the value that is OR-ed into a mark.

    ``steer`` enters this for the first packet of a connection: the kernel calls nat chains for no other. For
    connections from outside, or older than our table, ``ask`` enters it for the first packet from the LAN
    without a slot.
    """
    layout = snapshot.layout
    by_interface = [f'"{name}" : goto {_owner_chain(slot)}' for name, slot in snapshot.strangers]
    out: Chains = {
        "who": [
            "iifname . ip saddr vmap @owner4",
            "iifname . ip6 saddr vmap @owner6",
            "ether saddr vmap @dev",
            *([f"iifname vmap {braced(sorted(by_interface))}"] if by_interface else []),
            f"goto {_owner_chain(snapshot.guest)}",
        ],
        "plain": [
            f"{words.dns} ct mark set ct mark | {hexed(layout.plain_dns)} return",
            f"ct mark set ct mark | {hexed(layout.plain)}",
        ],
    }
    for slot in snapshot.slots:
        out[f"slot{slot.number}"] = [
            f"ct mark set ct mark | {hexed(layout.ct_mark(slot.number))}",
            "ct state invalid,untracked drop",  # only from `unseen` and `door`: others have a connection
        ]
    return out


def _owner_chain(slot: int | None) -> str:
    return "plain" if slot is None else f"slot{slot}"


def _forward(snapshot: Snapshot, words: Words) -> Chains:
    """Return the forward path. Its first rules cost every packet of the network: one comparison for
    unfiltered flows; four and the lookup for flows that pass.
    """
    return {
        "forward": [
            "type filter hook forward priority -155; policy accept;",
            f"{words.unfiltered} {'goto unfiltered' if snapshot.offload else 'accept'}",
            *(() if snapshot.alone else _known(words)),
            "goto ask",
        ],
        # Not from the queue, or with a verdict that the connection already has.
        "anew": [words.clear_packet, *_decided(words), "goto ask"],
        "ask": [
            f"{words.no_slot} {words.from_lan} jump who",
            f"{words.no_slot} accept",
            "ct state invalid,untracked goto unseen",
            f"{words.question} goto again",
            f"{words.plain} accept",
            f"{words.answer} goto answer",
            f"{words.state_is(FlowState.REFUSED)} goto refused",
            *([] if snapshot.arm else [f"{words.from_lan} {words.to_lan} goto stands"]),
            *beyond_door(words),
            *(forward_without_daemon(words) if snapshot.alone else _asked(snapshot, words)),
        ],
        "unseen": [
            f"{words.by_lan} goto who" if snapshot.arm else f"{words.by_lan} {words.not_to_lan} goto who"
        ],
    }


def _asked(snapshot: Snapshot, words: Words) -> Iterator[str]:
    # A reset that expires before it reaches the server makes conntrack forget a connection that the server
    # still has, together with its decision.
    yield f"{words.from_lan} ct state new tcp flags & (syn | rst) == 0 reject with tcp reset"
    yield f"{words.is_help} goto helped"
    yield f"{words.asks} {words.to_lan} goto metered"
    yield from _others(snapshot, words)
    if snapshot.asked:
        yield from _server_ends(words)
    yield from without_payload("goto metered")
    if snapshot.asked:
        yield from _guarded(words)


def _others(snapshot: Snapshot, words: Words) -> Iterator[str]:
    """Return the rules for protocols other than TCP and UDP, and for TCP that is always refused."""
    opening = f"{words.from_lan} tcp flags & (syn | ack) == syn"
    yield f"meta l4proto {braced(map(str, (ICMP, ICMPV6)))} goto {'echoed' if snapshot.asked else 'metered'}"
    if snapshot.protocols:
        yield f"meta l4proto {braced(map(str, sorted(snapshot.protocols)))} goto metered"
    # Another path of an MPTCP connection, over which its bytes could be spread (RFC 8684 3.2): refused.
    yield f"{opening} tcp option mptcp subtype {MP_JOIN} reject with tcp reset"
    yield f"meta l4proto != {{ {TCP}, {UDP} }} goto {'portless' if snapshot.asked else 'cut'}"


def _known(words: Words) -> list[str]:
    """Check the queue's verdict before PASSES: a flow may have begun to pass while a packet was queued."""
    return [f"{words.packet_used} {words.has_slot} goto judged", *_decided(words)]


def _decided(words: Words) -> list[str]:
    passes = words.state_is(FlowState.PASSES)
    return [f"{passes} meta l4proto != udp {words.ours} vmap @pass", f"{passes} goto passing"]


def _guarded(words: Words) -> list[str]:
    asking = [f"{known} goto asking" for known in (words.asks, words.uploads)]
    return [*asking, words.guard("guard"), words.clear_packet, words.dispatch()]


def _server_ends(words: Words) -> list[str]:
    """Match a server's reset. A reset that answers a SYN has sequence number zero (RFC 9293 3.10.7.1), and
    nothing waits on its connection.
    """
    return [f"{words.to_lan} tcp flags & rst == rst @th,32,32 != 0 goto ending"]


def _ending(snapshot: Snapshot, words: Words) -> Chains:
    """Queue a server's reset after the waiting data of its response: ahead of it, the client would drop
    the data.
    """
    return {"ending": [words.guard("guard"), words.clear_packet, words.dispatch()]} if snapshot.asked else {}


def _portless(snapshot: Snapshot, words: Words) -> Chains:
    """IP protocols other than TCP, UDP and ICMP: mostly tunnels.

    They are queued like an undecided flow. Conntrack has no entry for a refused one, since its first packet
    was dropped; the refusal is therefore stored by addresses for a while. Without a daemon, an open profile
    keeps only ESP, for Wi-Fi calling.
    """
    if not snapshot.asked:
        return {}
    return {
        "portless": [
            *(f"{ends} @{name} goto cut" for ends, name in words.shut),
            *([f"{words.dead} {words.open} meta l4proto != {ESP} goto cut"] if words.open else []),
            words.guard("guard"),
            words.clear_packet,
            words.dispatch(),
            "goto cut",
        ]
    }


def _echoed(snapshot: Snapshot, words: Words) -> Chains:
    """ICMP of filtered devices. It is not judged, since it contains no name; its rate is limited instead."""
    return {"echoed": [words.guard("guardicmp"), "goto metered"]} if snapshot.asked else {}


def _asking(snapshot: Snapshot, words: Words) -> Chains:
    """Queue the LAN side of plain HTTP, with state bits that mark it: the kernel can tell a new connection on
    the same ports from the old one, and the daemon cannot.
    """
    if not snapshot.asked:
        return {}
    return {"asking": [words.guard("guardhttp"), *words.flagged(ASKING)]}


def _another(snapshot: Snapshot, words: Words) -> Chains:
    """Queue the hello of another QUIC connection on a UDP flow that passes: it may be to another name.

    This matches all long headers of the versions that the daemon can read, since an Initial may follow
    another packet in one datagram (RFC 9000 12.2), and those of other versions, which are refused. After the
    response to its hello a connection has two or three of them. Nearly all other packets have a short header.
    """
    if not snapshot.asked:
        return {"passing": ["goto metered"], "helped": ["accept"]}
    leaving = words.from_lan if snapshot.arm else f"{words.from_lan} {words.not_to_lan}"
    long = f"meta l4proto udp @th,64,8 & 0x80 != 0 {leaving} jump another"
    return {
        "passing": [long, "goto metered"],
        "helped": [long, "accept"],
        "another": [f"@th,64,40 & {mask} {braced(known)} goto hello" for mask, known in _LONG_HEADERS],
        "hello": [words.guard("guard"), *words.flagged(ASKING)],
    }


def _unfiltered(snapshot: Snapshot) -> Chains:
    """Offload only flows that no rule can block: an offloaded flow cannot be cut and is not counted."""
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
    for group, closed in sorted({(slot_group(slot.number), slot.closed) for slot in snapshot.asked}):
        first = group << SLOT_CODE_BITS
        kinds = (
            (QueueKind.CLOSED_TCP, QueueKind.CLOSED_UDP)
            if closed
            else (QueueKind.OPEN_TCP, QueueKind.OPEN_UDP)
        )
        tcp, udp = (
            words.enqueue(queue_number(snapshot.queue_base, first, kind), closed=closed) for kind in kinds
        )
        out[queue_chain(first, closed)] = [
            *(words.help_while_dead(verdict="goto swept") if closed else [f"{words.dead} goto stands"]),
            "jump code",
            f"meta l4proto tcp {tcp}",
            udp,
        ]
    if out:
        out["code"] = list(_slot_code(snapshot.layout))
    return out


def queue_targets(snapshot: Snapshot) -> Chains:
    """Return one chain per queue, in use or not, for fallback.py to fill; none if nft has a queue."""
    if snapshot.native:
        return {}
    groups = (group << SLOT_CODE_BITS for group in range(GROUPS))
    queues = (
        (queue_number(snapshot.queue_base, first, kind), kind) for first in groups for kind in QueueKind
    )
    closed = (QueueKind.CLOSED_TCP, QueueKind.CLOSED_UDP)
    return {queue_target(number): ["drop"] if kind in closed else [] for number, kind in queues}


def _slot_code(layout: MarkLayout) -> Iterator[str]:
    for bit in range(SLOT_CODE_BITS):
        there, here = 1 << layout.slot_shift + bit, 1 << layout.packet_shift + STATE_BITS + bit
        yield f"ct mark & {hexed(there)} != 0 meta mark set meta mark | {hexed(here)}"


def _forged(snapshot: Snapshot, words: Words) -> Chains:
    """Leave the daemon's own packets untracked: a dropped query has no entry that its response belongs to."""
    layout = snapshot.layout
    ours = f"meta mark & {hexed(layout.packet)} == {hexed(FORGED << layout.packet_shift)}"
    hook = "type filter hook output priority -300; policy accept;"
    return {"forged": [hook, f"{ours} {words.clear_packet} notrack"]}
