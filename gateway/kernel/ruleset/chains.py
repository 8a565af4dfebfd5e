"""The chains of the table: what happens to a packet, from the LAN's door to the way out.

``who`` finds out whose a connection is, when it begins. Every forwarded packet meets one chain, ``forward``,
and what is unfiltered or decided little of it; ``ask`` sends the rest to a queue. From there a packet meets
``forward`` again, with the verdict in its mark: ``judged`` copies that to the connection. Only constants are
OR-ed into marks: kernels before 6.18 refuse a whole transaction for anything else.

Untracked and invalid packets have no connection mark, and every rule that reads one passes them over. The
order of the rules takes that into account: what must not meet them asks for a slot first.
"""

from __future__ import annotations

from collections.abc import Iterator

from gateway.kernel.marks import (
    ASKING,
    FORGED,
    GROUPS,
    SLOT_CODE_BITS,
    STATE_BITS,
    Kind,
    MarkLayout,
    State,
    queue_number,
    slot_group,
)
from gateway.kernel.ruleset.boot_guard import nobody_asked, without_verdicts
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
MP_JOIN = 1  # of MPTCP's options (RFC 8684, table 2)
# Behind UDP's header: long header and version (RFC 8999 5.1). v1 and v2; drafts and mvfst.
_LONG_HEADERS = (
    ("0x80ffffffff", ("0x8000000001", "0x806b3343cf")),
    ("0x80ffffff00", ("0x80ff000000", "0x80faceb000")),
)


def chains(snapshot: Snapshot) -> Chains:
    """All chains but ``queue_targets``, in a fixed order.

    Their rules depend on the snapshot; the base chains' hooks never do.
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
    """The slot by IP address where the gateway knows that a filtered device answers for it, whatever MAC the
    packet has: its sender can write any, and the answers come all the same. Else by MAC. One chain a slot,
    since a map cannot give what is OR-ed into a mark.

    Entered from ``steer`` for a connection's first packet, since the kernel enters a nat chain for no other.
    Where that came from outside, or before our table, from ``ask`` for the first from the LAN without a slot.
    """
    layout = snapshot.layout
    by_interface = [f'"{name}" : goto {_whose(slot)}' for name, slot in snapshot.strangers]
    out: Chains = {
        "who": [
            "iifname . ip saddr vmap @owner4",
            "iifname . ip6 saddr vmap @owner6",
            "ether saddr vmap @dev",
            *([f"iifname vmap {braced(sorted(by_interface))}"] if by_interface else []),
            f"goto {_whose(snapshot.guest)}",
        ],
        "plain": [
            f"{words.dns} ct mark set ct mark | {hexed(layout.plain_dns)} return",
            f"ct mark set ct mark | {hexed(layout.plain)}",
        ],
    }
    for slot in snapshot.slots:
        out[f"slot{slot.number}"] = [
            f"ct mark set ct mark | {hexed(layout.ct_mark(slot.number))}",
            "ct state invalid,untracked drop",  # met from `unseen` and `door` alone: others have a connection
        ]
    return out


def _whose(slot: int | None) -> str:
    return "plain" if slot is None else f"slot{slot}"


def _forward(snapshot: Snapshot, words: Words) -> Chains:
    """What comes first costs every packet of the house: one comparison the unfiltered, four and the look-up
    what passes.
    """
    return {
        "forward": [
            "type filter hook forward priority -155; policy accept;",
            f"{words.unfiltered} {'goto unfiltered' if snapshot.offload else 'accept'}",
            *(() if snapshot.alone else _known(words)),
            "goto ask",
        ],
        # Not from the queue, or with a verdict that is the connection's already.
        "anew": [words.clear_packet, *_decided(words), "goto ask"],
        "ask": [
            f"{words.no_slot} {words.from_lan} jump who",
            f"{words.no_slot} accept",
            "ct state invalid,untracked goto unseen",
            f"{words.question} goto again",
            f"{words.plain} accept",
            f"{words.answer} goto answer",
            f"{words.state_is(State.REFUSED)} goto refused",
            *([] if snapshot.arm else [f"{words.from_lan} {words.to_lan} goto stands"]),
            *beyond_door(words),
            *(nobody_asked(words) if snapshot.alone else _asked(snapshot, words)),
        ],
        "unseen": [
            f"{words.by_lan} goto who" if snapshot.arm else f"{words.by_lan} {words.not_to_lan} goto who"
        ],
    }


def _asked(snapshot: Snapshot, words: Words) -> Iterator[str]:
    # A reset that dies on the way makes conntrack forget a connection that the server still has, and with it
    # all that was said about it.
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
    """Protocols beside TCP and UDP, and what of TCP is not let through whoever is called."""
    opening = f"{words.from_lan} tcp flags & (syn | ack) == syn"
    yield f"meta l4proto {braced(map(str, (ICMP, ICMPV6)))} goto {'echoed' if snapshot.asked else 'metered'}"
    if snapshot.protocols:
        yield f"meta l4proto {braced(map(str, sorted(snapshot.protocols)))} goto metered"
    # One more path of a connection, over which its bytes may be spread (RFC 8684 3.2): it does without.
    yield f"{opening} tcp option mptcp subtype {MP_JOIN} reject with tcp reset"
    yield f"meta l4proto != {{ {TCP}, {UDP} }} goto {'portless' if snapshot.asked else 'cut'}"


def _known(words: Words) -> list[str]:
    """The queue's verdict before what passes: a flow may have begun to while a packet of it was there."""
    return [f"{words.packet_used} {words.has_slot} goto judged", *_decided(words)]


def _decided(words: Words) -> list[str]:
    passes = words.state_is(State.PASSES)
    return [f"{passes} meta l4proto != udp {words.ours} vmap @pass", f"{passes} goto passing"]


def _guarded(words: Words) -> list[str]:
    asking = [f"{known} goto asking" for known in (words.asks, words.uploads)]
    return [*asking, words.guard("guard"), words.clear_packet, words.dispatch()]


def _server_ends(words: Words) -> list[str]:
    """One that answers a SYN has the number zero (RFC 9293 3.10.7.1), and nothing waits there."""
    return [f"{words.to_lan} tcp flags & rst == rst @th,32,32 != 0 goto ending"]


def _ending(snapshot: Snapshot, words: Words) -> Chains:
    """A server's reset stays behind what waits of its answer: ahead of it, the client never reads that."""
    return {"ending": [words.guard("guard"), words.clear_packet, words.dispatch()]} if snapshot.asked else {}


def _portless(snapshot: Snapshot, words: Words) -> Chains:
    """IP protocols beside TCP, UDP and ICMP: tunnels, nearly all of them.

    They are asked about like an undecided flow. Of one that is refused, conntrack remembers nothing: its
    first packet went nowhere. So what was said is kept for a while by its addresses. Where no daemon runs, an
    open profile keeps ESP alone, for Wi-Fi calling.
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
    """ICMP of filtered devices. Nobody judges it, for it names nobody: so it has to be little."""
    return {"echoed": [words.guard("guardicmp"), "goto metered"]} if snapshot.asked else {}


def _asking(snapshot: Snapshot, words: Words) -> Chains:
    """What the LAN side sends on plain HTTP, with state bits that say so: of a new connection on the same
    ports the kernel knows that it is new, and who reads the queue does not.
    """
    if not snapshot.asked:
        return {}
    return {"asking": [words.guard("guardhttp"), *words.flagged(ASKING)]}


def _another(snapshot: Snapshot, words: Words) -> Chains:
    """A UDP flow that passes may carry another QUIC connection, to another name: its hello is asked about.

    All long headers of the versions that can be read, since an Initial may come behind another packet in one
    datagram (RFC 9000 12.2); and those of others, which are refused. A connection has two or three after its
    hello was answered. Nearly all of its packets have a short one.
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
    for group, closed in sorted({(slot_group(slot.number), slot.closed) for slot in snapshot.asked}):
        first = group << SLOT_CODE_BITS
        kinds = (Kind.CLOSED_TCP, Kind.CLOSED_UDP) if closed else (Kind.OPEN_TCP, Kind.OPEN_UDP)
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
    """Where nft has no queue: a chain for each, whether in use or not, for fallback.py to fill."""
    if snapshot.native:
        return {}
    groups = (group << SLOT_CODE_BITS for group in range(GROUPS))
    queues = ((queue_number(snapshot.queue_base, first, kind), kind) for first in groups for kind in Kind)
    closed = (Kind.CLOSED_TCP, Kind.CLOSED_UDP)
    return {queue_target(number): ["drop"] if kind in closed else [] for number, kind in queues}


def _slot_code(layout: MarkLayout) -> Iterator[str]:
    for bit in range(SLOT_CODE_BITS):
        there, here = 1 << layout.slot_shift + bit, 1 << layout.packet_shift + STATE_BITS + bit
        yield f"ct mark & {hexed(there)} != 0 meta mark set meta mark | {hexed(here)}"


def _forged(snapshot: Snapshot, words: Words) -> Chains:
    """The daemon's own packets are not tracked: the answer to a dropped question would be no one's reply."""
    layout = snapshot.layout
    ours = f"meta mark & {hexed(layout.packet)} == {hexed(FORGED << layout.packet_shift)}"
    hook = "type filter hook output priority -300; policy accept;"
    return {"forged": [hook, f"{ours} {words.clear_packet} notrack"]}
