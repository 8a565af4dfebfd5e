"""The chains behind the queue: a verdict is copied to the connection, and what is open now goes on.

Packets of one flow are in the queue together, and each brings its verdict back while other processors read
the mark. So nothing here may be seen half done, and what is missed once is looked up again.
"""

from __future__ import annotations

from collections.abc import Iterator

from gateway.kernel.marks import ASKING, MARK_MASK, STATE_BITS, STATE_MASK, MarkLayout, State
from gateway.kernel.ruleset.expressions import Chains, Words, hexed, without_payload
from gateway.kernel.snapshot import Snapshot

TCP, UDP = 6, 17


def verdict_chains(snapshot: Snapshot, words: Words) -> Chains:
    """``judged`` is entered from ``forward`` alone, the others from wherever a packet's flow is settled."""
    layout = snapshot.layout
    asking = f"{words.packet_state} == {hexed(ASKING << layout.packet_shift)}"
    return {
        "judged": [
            f"{words.packet_held} goto stands",
            f"{words.packet_state} == 0 goto anew",  # no verdict: other programs put marks on packets too
            *_differs(layout),
            "goto anew",
        ],
        "verdict": [
            # Netlink alone changes the class of what goes on being asked about, and an upload's mark.
            f"{asking} {words.asks} goto stands",
            f"{asking} {words.uploads} {words.from_lan} goto swept",
            "jump put",
            "goto stands",
        ],
        "stands": [
            words.clear_packet,
            f"{words.state_is(State.UNDECIDED)} accept",
            f"{words.is_help} accept",
            f"{words.state_is(State.REFUSED)} goto refused",
            "goto metered",
        ],
        "swept": [words.clear_packet, "accept"],
        "put": list(_put(layout, words)),
        "metered": [
            f"{words.ours} vmap @pass",
            # Missed, it may be because another processor was giving the connection another class.
            f"{words.state_is(State.UNDECIDED)} accept",
            f"{words.ours} vmap @pass",
            *(words.help_while_dead(words.closed) if words.closed else []),
            "goto cut",
        ],
        "refused": [
            *(
                f"meta l4proto != {{ {TCP}, {UDP} }} {words.from_lan} add @{name} {{ {ends} }}"
                for ends, name in words.shut
            ),
            # Of the server's packets only those without payload: the client answers them with a reset.
            f"{words.from_lan} goto cut",
            "meta l4proto != tcp drop",
            *without_payload("accept"),
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


def _differs(layout: MarkLayout) -> Iterator[str]:
    """Only a verdict that says something new is copied: packets of one flow are in the queue together, and
    while one of them wrote what is there already, others on another processor would find it half written.
    """
    for bit in range(8):
        here = f"meta mark & {hexed(1 << layout.packet_shift + bit)}"
        there = f"ct mark & {hexed(1 << layout.ct_shift + bit)}"
        yield f"{here} != 0 {there} == 0 goto verdict"
        yield f"{here} == 0 {there} != 0 goto verdict"


def _put(layout: MarkLayout, words: Words) -> Iterator[str]:
    """A refusal in one step, since what it replaces may have passed. Else the class first and the state last,
    also in one step: another processor never meets half a verdict. UDP never asks: a class with those bits
    is what passes (marks.verdict_again).
    """
    cleared = f"ct mark set ct mark & {hexed(MARK_MASK ^ layout.ct)}"
    refused = State.REFUSED << layout.packet_shift, State.REFUSED << layout.ct_shift
    yield f"{words.packet_state} == {hexed(refused[0])} {cleared} | {hexed(refused[1])} return"
    yield cleared
    for bit in range(STATE_BITS, 8):
        here, there = 1 << layout.packet_shift + bit, 1 << layout.ct_shift + bit
        yield f"meta mark & {hexed(here)} != 0 ct mark set ct mark | {hexed(there)}"
    passes = f"ct mark set ct mark | {hexed(State.PASSES << layout.ct_shift)}"
    asks = f"{words.packet_state} == {hexed(STATE_MASK << layout.packet_shift)}"
    yield f"{words.packet_state} == {hexed(State.PASSES << layout.packet_shift)} {passes} return"
    yield f"{asks} {words.packet_class} != 0 meta l4proto udp {passes} return"
    yield f"{asks} ct mark set ct mark | {hexed(STATE_MASK << layout.ct_shift)}"
