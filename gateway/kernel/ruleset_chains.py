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
    ASKING,
    FORGED,
    GROUPS,
    MARK_MASK,
    SLOT_CODE_BITS,
    STATE_BITS,
    STATE_MASK,
    Kind,
    MarkLayout,
    State,
    queue_number,
    slot_group,
)
from gateway.kernel.ruleset_dns import dns_chains
from gateway.kernel.ruleset_words import Chains, Words, braced, hexed, queue_chain, queue_target
from gateway.kernel.snapshot import Snapshot

ICMP, TCP, UDP, ICMPV6 = 1, 6, 17, 58
_DOFF = range(5, 16)  # TCP header length in words (RFC 9293 3.1)
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
            f"{words.no_slot} {words.from_lan} jump who",
            f"udp dport 53 {words.from_lan} goto question",
        ],
        "who": [*_pages_alone(snapshot), "ether saddr vmap @dev", f"goto {unknown}"],
        "plain": [f"ct mark set ct mark | {hexed(snapshot.layout.plain)}"],
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
            f"{words.state_is(State.PASSES)} meta l4proto != udp accept",  # the unfiltered too
            f"{words.plain} accept",
            f"{words.state_is(State.PASSES)} goto another",
            f"{words.no_slot} accept",
            "ct state invalid,untracked goto unseen",
            words.clear_packet,
            f"{words.state_is(State.REFUSED)} accept",
            f"{words.from_lan} {words.to_lan} accept",
            # A reset that dies on the way makes conntrack forget a connection that the server still has, and
            # with it all that was said about it.
            f"{words.from_lan} ct state new tcp flags & (syn | rst) == 0 reject with tcp reset",
            f"{words.is_help} meta l4proto != udp accept",
            f"{words.is_help} goto another",
            f"{words.asks} {words.to_lan} accept",
            f"meta l4proto {braced(map(str, sorted({ICMP, ICMPV6, *snapshot.protocols})))} accept",
            f"meta l4proto != {{ {TCP}, {UDP} }} goto cut",
            *_without_payload(),
            f"{words.question} accept",
            f"{words.answer} goto answer",
            *(_guarded(words) if snapshot.slots else []),
        ],
        **_asking(snapshot, words),
        **_another(snapshot, words),
        "unseen": [f"{words.from_lan} {words.not_to_lan} goto who"],
        **_unfiltered(snapshot),
    }


def _another(snapshot: Snapshot, words: Words) -> Chains:
    """A UDP flow that passes may carry another QUIC connection, to another name: its hello is asked about.

    All long headers of the versions that can be read, since an Initial may come behind another packet in one
    datagram (RFC 9000 12.2); and those of others, which are refused. A connection has two or three after its
    hello was answered.
    """
    another = [words.clear_packet]  # `after` looks at the mark
    if not snapshot.slots:
        return {"another": another}
    another.append("@th,64,8 & 0x80 == 0 accept")  # nearly all, and cheaper than the rest
    another += [f"{words.not_from_lan} accept", f"{words.to_lan} accept"]
    another += [f"@th,64,40 & {mask} {braced(known)} goto hello" for mask, known in _LONG_HEADERS]
    return {"another": another, "hello": [words.guard("guard"), words.dispatch()]}


def _guarded(words: Words) -> list[str]:
    asking = [f"{known} goto asking" for known in (words.asks, words.uploads)]
    return [*asking, words.guard("guard"), words.dispatch()]


def _asking(snapshot: Snapshot, words: Words) -> Chains:
    """What the LAN side sends on plain HTTP, with state bits that say so: of a new connection on the same
    ports the kernel knows that it is new, and who reads the queue does not.
    """
    if not snapshot.slots:
        return {}
    flag = f"meta mark set meta mark | {hexed(ASKING << snapshot.layout.packet_shift)}"
    return {"asking": [words.guard("guardhttp"), flag, words.dispatch()]}


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


def _after(snapshot: Snapshot, words: Words) -> Chains:
    layout = snapshot.layout
    asking = f"{words.packet_state} == {hexed(ASKING << layout.packet_shift)}"
    return {
        "after": [
            "type filter hook forward priority -140; policy accept;",
            f"{words.plain} {'goto unfiltered' if snapshot.offload else 'accept'}",
            # Only of UDP does one that passes come to a queue, and have its mark cleared before.
            f"{words.state_is(State.PASSES)} meta l4proto != udp goto metered",
            f"{words.state_is(State.PASSES)} {words.packet_unused} goto metered",
            f"{words.has_slot} goto judged",
        ],
        "judged": [
            f"{words.question} goto swept",  # DNS is judged packet by packet, and never decided
            f"{words.answer} goto swept",
            # Both are changed by netlink alone: a packet that passed a queue nobody reads looks the same.
            f"{asking} {words.asks} goto still",
            f"{asking} {words.uploads} {words.from_lan} goto swept",
            f"{words.packet_state} != 0 jump copy",
            words.clear_packet,
            f"{words.state_is(State.UNDECIDED)} accept",
            f"{words.is_help} accept",
            f"{words.state_is(State.REFUSED)} goto refused",
            "goto metered",
        ],
        "still": [words.clear_packet, f"{words.is_help} accept", "goto metered"],
        "copy": list(_copy(layout)),
        "put": list(_put(layout, words)),
        "metered": [
            f"ct mark & {hexed(layout.ct_ours)} vmap @pass",
            # Missed, it may be because another processor was giving the connection another class.
            f"{words.state_is(State.UNDECIDED)} accept",
            f"ct mark & {hexed(layout.ct_ours)} vmap @pass",
            *(words.help_while_dead(words.closed) if words.closed else []),
            "goto cut",
        ],
        "refused": [
            # Of the server's packets only those without payload: the client answers them with a reset.
            f"{words.from_lan} goto cut",
            "meta l4proto != tcp drop",
            *_without_payload(),
            "drop",
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


def _copy(layout: MarkLayout) -> Iterator[str]:
    """Only a verdict that says something new: packets of one flow are in the queue together, and while one of
    them wrote what is there already, others on another processor would find it half written.
    """
    for bit in range(8):
        here = f"meta mark & {hexed(1 << layout.packet_shift + bit)}"
        there = f"ct mark & {hexed(1 << layout.ct_shift + bit)}"
        yield f"{here} != 0 {there} == 0 goto put"
        yield f"{here} == 0 {there} != 0 goto put"


def _put(layout: MarkLayout, words: Words) -> Iterator[str]:
    """A refusal in one step, since what it replaces may have passed. Else the class first and the state last,
    also in one step: another processor never meets half a verdict.
    """
    cleared = f"ct mark set ct mark & {hexed(MARK_MASK ^ layout.ct)}"
    refused = State.REFUSED << layout.packet_shift, State.REFUSED << layout.ct_shift
    yield f"{words.packet_state} == {hexed(refused[0])} {cleared} | {hexed(refused[1])} return"
    yield cleared
    for bit in range(STATE_BITS, 8):
        here, there = 1 << layout.packet_shift + bit, 1 << layout.ct_shift + bit
        yield f"meta mark & {hexed(here)} != 0 ct mark set ct mark | {hexed(there)}"
    for state in (State.PASSES, STATE_MASK):
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
