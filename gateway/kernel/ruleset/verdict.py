"""The chains after the queue: a verdict is copied to the connection, and open classes pass.

Several packets of one flow may be queued, and each brings its verdict back while other processors read the
mark. No intermediate value may therefore be visible, and a failed lookup is repeated once.
"""

from __future__ import annotations

from collections.abc import Iterator

from gateway.kernel.marks import ASKING, MARK_MASK, STATE_BITS, STATE_MASK, FlowState, MarkLayout
from gateway.kernel.ruleset.expressions import Chains, Words, hexed, without_payload
from gateway.kernel.snapshot import Snapshot

TCP, UDP = 6, 17


def verdict_chains(snapshot: Snapshot, words: Words) -> Chains:
    """Return the chains. Only ``forward`` enters ``judged``; any chain may enter the others."""
    layout = snapshot.layout
    asking = f"{words.packet_state} == {hexed(ASKING << layout.packet_shift)}"
    return {
        "judged": [
            f"{words.packet_held} goto stands",
            f"{words.packet_state} == 0 goto anew",  # no verdict: other programs mark packets too
            *_differs(layout),
            "goto anew",
        ],
        "verdict": [
            # Only netlink changes the class of a connection that remains queued, and an upload's mark.
            f"{asking} {words.asks} goto stands",
            f"{asking} {words.uploads} {words.from_lan} goto swept",
            "jump put",
            "goto stands",
        ],
        "stands": [
            words.clear_packet,
            f"{words.state_is(FlowState.UNDECIDED)} accept",
            f"{words.is_help} accept",
            f"{words.state_is(FlowState.REFUSED)} goto refused",
            "goto metered",
        ],
        "swept": [words.clear_packet, "accept"],
        "put": list(_put(layout, words)),
        "metered": [
            f"{words.ours} vmap @pass",
            # The lookup may fail because another processor is giving the connection another class.
            f"{words.state_is(FlowState.UNDECIDED)} accept",
            f"{words.ours} vmap @pass",
            *(words.help_while_dead(words.closed) if words.closed else []),
            "goto cut",
        ],
        "refused": [
            *(
                f"meta l4proto != {{ {TCP}, {UDP} }} {words.from_lan} add @{name} {{ {ends} }}"
                for ends, name in words.shut
            ),
            # Of the server's packets only those without payload pass: the client answers with a reset.
            f"{words.from_lan} goto cut",
            "meta l4proto != tcp drop",
            *without_payload("accept"),
            "drop",
        ],
        "cut": [
            # The reset goes to the LAN side: the next packet of a download is the server's, and a client
            # hangs for seconds if only the server gets a reset.
            f"meta l4proto tcp {words.from_lan} tcp flags & rst == 0 reject with tcp reset",
            "meta l4proto tcp accept",
            f"{words.from_lan} reject with icmpx admin-prohibited",
            "drop",
        ],
    }


def _differs(layout: MarkLayout) -> Iterator[str]:
    """Copy only a verdict that differs: packets of one flow are queued together, and writing an equal value
    would show other processors an intermediate one.
    """
    for bit in range(8):
        here = f"meta mark & {hexed(1 << layout.packet_shift + bit)}"
        there = f"ct mark & {hexed(1 << layout.ct_shift + bit)}"
        yield f"{here} != 0 {there} == 0 goto verdict"
        yield f"{here} == 0 {there} != 0 goto verdict"


def _put(layout: MarkLayout, words: Words) -> Iterator[str]:
    """Write a refusal in one step, since it may replace PASSES. Otherwise write the class first and the state
    last, also in one step: other processors never see a partial verdict. UDP never has ASKS: a class with
    these bits is PASSES (marks.verdict_again).
    """
    cleared = f"ct mark set ct mark & {hexed(MARK_MASK ^ layout.ct)}"
    refused = FlowState.REFUSED << layout.packet_shift, FlowState.REFUSED << layout.ct_shift
    yield f"{words.packet_state} == {hexed(refused[0])} {cleared} | {hexed(refused[1])} return"
    yield cleared
    for bit in range(STATE_BITS, 8):
        here, there = 1 << layout.packet_shift + bit, 1 << layout.ct_shift + bit
        yield f"meta mark & {hexed(here)} != 0 ct mark set ct mark | {hexed(there)}"
    passes = f"ct mark set ct mark | {hexed(FlowState.PASSES << layout.ct_shift)}"
    asks = f"{words.packet_state} == {hexed(STATE_MASK << layout.packet_shift)}"
    yield f"{words.packet_state} == {hexed(FlowState.PASSES << layout.packet_shift)} {passes} return"
    yield f"{asks} {words.packet_class} != 0 meta l4proto udp {passes} return"
    yield f"{asks} ct mark set ct mark | {hexed(STATE_MASK << layout.ct_shift)}"
