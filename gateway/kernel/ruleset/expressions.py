"""Builds the nft expressions and statements that several chains of the table share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gateway.kernel.marks import (
    ANSWERED_OTHERWISE,
    ASKED,
    HELD,
    MARK_MASK,
    PLAIN_SLOT,
    STATE_MASK,
    UPLOAD,
    FlowState,
    hexed,
    slot_group,
    verdict_byte,
)
from gateway.kernel.ruleset.packet_rates import drop_above
from gateway.kernel.snapshot import Snapshot

Chains = dict[str, list[str]]
"""Name → statements; the first statement of a base chain is its type line."""

ESP = 50
"""RFC 4303: Wi-Fi calling uses it if no address is translated on the way."""

SERVER_HELLO = "@ih,0,8 0x16 @ih,40,8 0x02 @ih,88,64 != 0xcf21ad74e59a6111"
"""Matches TCP payload that begins with a record with a ServerHello, unless its random begins like that of a
HelloRetryRequest (RFC 8446 4.1.3)."""


def braced(items: Iterable[str]) -> str:
    return "{ " + ", ".join(items) + " }"


_IP_BYTES = 1 << 16  # an IP packet is shorter; the kernel may merge more for its own use
_DOFF = range(5, 16)  # TCP header length in words (RFC 9293 3.1)


def without_payload(verdict: str) -> Iterator[str]:
    """Yield nft rules that apply ``verdict`` to TCP segments without payload, by length and not by flag.

    A SYN with data (RFC 7413) is not matched, so that it is queued. Neither is an empty segment with an
    urgent pointer, which removes a byte of another segment from the stream. Nor are packets with IPv4 options
    or IPv6 extension headers.
    """
    ipv4 = braced(f"5 . {doff} . {20 + 4 * doff}" for doff in _DOFF)
    ipv6 = braced(f"{doff} . {4 * doff}" for doff in _DOFF)
    yield f"tcp flags & urg == 0 ip protocol tcp ip hdrlength . tcp doff . ip length {ipv4} {verdict}"
    yield f"tcp flags & urg == 0 ip6 nexthdr tcp tcp doff . ip6 length {ipv6} {verdict}"


class Expressions:
    """The nft expressions and statements for one snapshot. Every attribute is a piece of nft text.

    Most match the mark of a packet or of its connection.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        layout = snapshot.layout
        names = [f'"{name}"' for name in snapshot.lan]
        lan = names[0] if len(names) == 1 else braced(names)
        self.by_lan, self.not_from_lan = f"iifname {lan}", f"iifname != {lan}"
        onto_lan, self.not_to_lan = f"oifname {lan}", f"oifname != {lan}"
        self.from_lan, self.to_lan = self.by_lan, onto_lan
        if snapshot.arm:
            # A packet also leaves by the LAN's side, so its connection shows the direction: devices begin all
            # connections, since outgoing ones are translated (docs/providers/setup.md).
            back, out = (braced(f"{name} . {way}" for name in names) for way in ("reply", "original"))
            self.from_lan += f" oifname . ct direction != {back}"
            self.to_lan += f" iifname . ct direction != {out}"
        self.alive, self.dead = "meta nfproto @alive", "meta nfproto != @alive"
        self.slot = f"ct mark & {hexed(layout.slot)}"
        self.no_slot, self.has_slot = f"{self.slot} == 0", f"{self.slot} != 0"
        self.ours = f"ct mark & {hexed(layout.ct_ours)}"
        self.unfiltered = f"{self.ours} == {hexed(layout.plain)}"
        self.plain = f"{self.slot} == {hexed(layout.ct_mark(PLAIN_SLOT))}"
        self.packet_state = f"meta mark & {hexed(STATE_MASK << layout.packet_shift)}"
        class_bits = layout.packet ^ STATE_MASK << layout.packet_shift
        self.packet_class = f"meta mark & {hexed(class_bits)}"
        self.packet_byte = f"meta mark & {hexed(layout.packet)}"
        self.packet_used = f"{self.packet_byte} != 0"
        self.packet_held = f"{self.packet_byte} == {hexed(HELD << layout.packet_shift)}"
        self.clear_packet = f"meta mark set meta mark & {hexed(MARK_MASK ^ layout.packet)}"
        byte = f"ct mark & {hexed(layout.ct)}"
        self.is_help = f"{byte} == {hexed(layout.ct_mark(0, verdict_byte(FlowState.HELP)))}"
        self.asked = f"{byte} == {hexed(layout.ct_mark(0, ASKED))}"
        self.asks = (
            f"ct mark & {hexed(STATE_MASK << layout.ct_shift)} == {hexed(STATE_MASK << layout.ct_shift)}"
        )
        refused = hexed(layout.ct_mark(0, verdict_byte(FlowState.REFUSED)))
        self.refused = f"{byte} == {refused}"
        self.answerable = f"ct mark & {hexed(STATE_MASK << layout.ct_shift)} == {refused} {byte} != {refused}"
        packet_refused = hexed(FlowState.REFUSED << layout.packet_shift)
        self.packet_answerable = f"{self.packet_state} == {packet_refused} {self.packet_class} != 0"
        self.decided_before = f"{byte} != 0"
        self.answered_otherwise = f"{byte} == {hexed(layout.ct_mark(0, ANSWERED_OTHERWISE))}"
        self.uploads = f"{byte} == {hexed(layout.ct_mark(0, UPLOAD))}"
        plain = f"tcp flags & (fin | syn | rst | urg) == 0 meta length < {_IP_BYTES}"
        self.in_body = f"{self.from_lan} {plain} ct id . tcp sequence @bodies"
        self.of_body = f"{self.to_lan} ct id . tcp ackseq @answers"
        self.dns = "meta l4proto udp ct original proto-dst 53"
        self.question = f"{self.dns} ct direction original {self.by_lan}"
        self.answer = f"{self.dns} ct direction reply {onto_lan}"
        self.shut = [
            (f"{family} saddr . {family} daddr . meta l4proto", name)
            for family, name in (("ip", "shut4"), ("ip6", "shut6"))
        ]
        self.closed = self.slots_in(slot.number for slot in snapshot.closed)
        self.open = self.slots_in(slot.number for slot in snapshot.slots if not slot.closed)
        kept_out = (slot.number for slot in snapshot.slots if slot.kept_out)
        self.kept_out = "" if snapshot.door_ports is None else self.slots_in(kept_out)

    def within_rate(self, name: str) -> str:
        """Return an nft statement that drops a slot's (filtered device's) packets above a rate.

        ``name``: the set that counts the packets; `packet_rates` has its rate.
        """
        return drop_above(name, self.slot, self._snapshot.rates)

    def slots_in(self, numbers: Iterable[int]) -> str:
        """Return an nft expression that matches connections of these slots (numbers of filtered devices).

        Empty text without numbers.
        """
        marks = [hexed(self._snapshot.layout.ct_mark(number)) for number in sorted(numbers)]
        return f"{self.slot} {braced(marks)}" if marks else ""

    def state_is(self, state: FlowState) -> str:
        """Return an nft expression that matches connections in a state: UNDECIDED or PASSES.

        The other states have attributes of their own.
        """
        layout = self._snapshot.layout
        return f"ct mark & {hexed(STATE_MASK << layout.ct_shift)} == {hexed(layout.ct_mark(0, state))}"

    def dispatch(self) -> str:
        """Return an nft statement that goes to the chain that queues a packet, by the slot of its connection.

        There is one for each group of slots and failure mode (open or closed). A packet with a
        number that is no longer a slot continues with the next rule.
        """
        ct_mark = self._snapshot.layout.ct_mark
        entries = (
            f"{hexed(ct_mark(slot.number))} : goto {queue_chain(slot.number, slot.closed)}"
            for slot in self._snapshot.slots
        )
        return f"{self.slot} vmap {braced(entries)}"

    def flagged(self, state: int) -> list[str]:
        """Return the nft statements that queue a packet with the state bits ``state`` in its mark.

        A packet whose connection has a number that is no longer a slot (device) continues, with a
        cleared mark.
        """
        flag = f"meta mark set meta mark | {hexed(state << self._snapshot.layout.packet_shift)}"
        return [self.clear_packet, flag, self.dispatch(), self.clear_packet]

    def enqueue(self, number: int, *, closed: bool) -> str:
        """Return an nft statement that sends a packet to netfilter queue ``number``.

        ``closed``: packets are dropped if no program reads the queue; otherwise they pass. Without nft's
        ``queue`` it goes to the chain that has the NFQUEUE target (fallback.py).
        """
        if not self._snapshot.native:
            return f"goto {queue_target(number)}"
        return f"queue to {number}" if closed else f"queue flags bypass to {number}"

    def help_while_dead(self, slots: str = "", verdict: str = "accept") -> Iterator[str]:
        """Yield rules that apply ``verdict`` to packets of known help addresses while no daemon runs.

        ``slots``: an expression that limits them to some devices; empty: all. A running daemon
        judges name and address instead. Ports outside of Snapshot.help_ports do not match; ESP does. If it
        is empty, everything matches.
        """
        snapshot = self._snapshot
        dead = f"{self.dead} {slots}".rstrip()
        for family, name, known in (("ip", "help4", snapshot.help4), ("ip6", "help6", snapshot.help6)):
            if not known:
                continue
            ends = ((self.from_lan, "daddr", "dport"), (self.to_lan, "saddr", "sport"))
            for side, address, port in ends:
                ports = f" meta l4proto . th {port} @helpports" if snapshot.help_ports else ""
                yield f"{dead} {side} {family} {address} @{name}{ports} {verdict}"
                if ports:
                    yield f"{dead} {side} {family} {address} @{name} meta l4proto {ESP} {verdict}"


def queue_chain(slot: int, closed: bool) -> str:
    """Return the name of the chain that queues undecided packets of a slot's group (one of four).

    ``closed``: the slot fails closed, that is, its packets are dropped without a daemon.
    """
    return f"{'closed' if closed else 'open'}{slot_group(slot)}"


def queue_target(number: int) -> str:
    """Return the name of the chain for queue ``number``, for kernels without nft's ``queue`` statement."""
    return f"queue{number}"
