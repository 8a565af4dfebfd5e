"""The bits of the packet mark and the connection mark that belong to Qalqan.

Both marks contain a *verdict byte*: two bits of state below six bits of class. The connection mark also
contains the device's slot. No other bit is ever changed. A *slot* is the number of a filtered device, or of
several with one profile. A *class* is a combination of time rules that applies to a flow.

On the way to a queue, the packet's byte contains the low six bits of the slot (state 0, ANSWER, QUESTION or
ASKING); the other two bits select the queue. This tells the daemon which slot a packet belongs to.

After the queue the packet passes the same chain again (NF_REPEAT), which recognizes it by its byte. A verdict
that lets a packet continue therefore never leaves the byte zero or equal to the connection's: programs such
as wg-quick copy the connection's whole mark to each packet, and that must not count as a verdict.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum

STATE_BITS = 2
STATE_MASK = 0b11
MAX_CLASS = 63
MAX_SLOT = 255
PLAIN_SLOT = 192
"""Slot in the connection mark of an unfiltered device's flow. It spares the flow's packets the lookup by MAC
address, their most expensive step. The state is PASSES, so that the first rule of the forward path serves
both unfiltered and decided flows."""
ANSWER = 1
"""State bits of a DNS response on its way to the queue."""
QUESTION = 2
"""State bits of a DNS query on its way to the queue."""
ASKING = 3
"""State bits of packets that belong to a connection which the daemon has read before: the LAN side of plain
HTTP and of UDP that passes, the server's side of long uploads, both sides of ANSWERABLE and
ANSWERED_OTHERWISE. All other packets on the way to a queue have state 0, except DNS."""
SLOT_CODE_BITS = 6
SLOT_CODE_MASK = 0b111111
GROUPS = 4
QUEUES = 24  # four groups of slots, six kinds each
MARK_MASK = 0xFFFFFFFF

_HELP_OR_ASKS = 3


class FlowState(IntEnum):
    """The state of a flow. In a verdict byte it has the low two bits, above which is the class.

    A class is the number of a combination of time rules. HELP and ASKS have the same bits, and so
    have REFUSED and ANSWERABLE. The first of each pair has no class, the second always has one.
    """

    UNDECIDED = 0  # queued
    PASSES = 1  # allowed while its class is open
    REFUSED = 2
    HELP = 3  # to a help line: allowed at any time, never counted
    ASKS = 4  # plain HTTP, or a STARTTLS dialogue: the reply side passes, the LAN side stays queued
    ANSWERABLE = 5  # its TLS hello is allowed: the kernel decides by the first data of the server


class QueueKind(IntEnum):
    """The six netfilter queues of a group of slots, by protocol and by what happens without a reader.

    A slot is a filtered device; a queue fails open or closed, so each failure mode has its own. DNS
    uses the UDP queues. The TCP queues get segments as network cards and the kernel have merged
    them: a hello is one packet. For the SPLIT queues the kernel takes merged segments apart. Their packets
    are those that the daemon's copy cannot hold, and those of connections that were read before:
    two queues may change the order of an upload.
    """

    OPEN_TCP = 0
    OPEN_UDP = 1
    CLOSED_TCP = 2
    CLOSED_UDP = 3
    OPEN_SPLIT = 4
    CLOSED_SPLIT = 5


OPEN_QUEUES = (QueueKind.OPEN_TCP, QueueKind.OPEN_UDP, QueueKind.OPEN_SPLIT)
UDP_QUEUES = (QueueKind.OPEN_UDP, QueueKind.CLOSED_UDP)
MERGED_QUEUES = (QueueKind.OPEN_TCP, QueueKind.CLOSED_TCP)
COPY_RANGE = 3800
"""Bytes of a packet that the daemon gets. The binding's buffer has 4096, headers included: it would silently
cut a longer copy."""


def hexed(mark: int) -> str:
    """Return a mark or a mask as nft prints it."""
    return f"0x{mark:08x}"


def verdict_byte(state: FlowState, class_number: int = 0) -> int:
    """Return Qalqan's byte of a mark for a flow's state and class. Raises ValueError if they do not fit.

    ``class_number`` is that of a combination of time rules, 1..63 (ANSWERABLE: 1..62), or 0 for a flow
    without one. It is not checked that REFUSED has none: with a class, the byte is that of ANSWERABLE.
    """
    if not 0 <= class_number <= MAX_CLASS:
        msg = f"class {class_number} does not fit 0..{MAX_CLASS}"
        raise ValueError(msg)
    if state is FlowState.ASKS and class_number == 0:
        msg = "ASKS needs a class: with class 0 the same bits mean HELP"
        raise ValueError(msg)
    if state is FlowState.HELP and class_number != 0:
        msg = f"HELP is never counted and has no class, not {class_number}"
        raise ValueError(msg)
    if state is FlowState.ANSWERABLE:
        if class_number in (0, MAX_CLASS):
            msg = f"ANSWERABLE has a class of 1..{MAX_CLASS - 1}, not {class_number}"  # REFUSED, FORGED
            raise ValueError(msg)
        return class_number << STATE_BITS | FlowState.REFUSED
    return class_number << STATE_BITS | min(state, _HELP_OR_ASKS)


def decode_verdict(byte: int) -> tuple[FlowState, int]:
    """Return the flow's state and class (number of time rules' combination) in Qalqan's byte of a mark.

    The class is 0 if it has none. UPLOAD, HELD, ASKED and ANSWERED_OTHERWISE are returned as UNDECIDED with a
    number that is no class, and FORGED as ANSWERABLE.
    """
    bits, class_number = byte & STATE_MASK, byte >> STATE_BITS
    if bits == _HELP_OR_ASKS and class_number:
        return FlowState.ASKS, class_number
    if bits == FlowState.REFUSED and class_number:
        return FlowState.ANSWERABLE, class_number
    return FlowState(bits), class_number


FORGED = MAX_CLASS << STATE_BITS | FlowState.REFUSED
"""Byte in the packet mark of packets that the daemon writes itself, which are not tracked. No verdict has
this value: REFUSED has no class, and that of ANSWERABLE is at most 62."""


CUT = verdict_byte(FlowState.PASSES)
"""Byte in the connection mark of a running flow that ends: decided and without a class, so that no class lets
it pass. Marking it refused would also drop the server's packets, and a downloading client would wait."""
UPLOAD = MAX_CLASS << STATE_BITS | FlowState.UNDECIDED
"""Byte in the connection mark of plain HTTP whose client sends much before a response: undecided, with the
rate limit of plain HTTP. No verdict has this value either."""

HELD = MAX_CLASS - 1 << STATE_BITS | FlowState.UNDECIDED
"""Byte in the packet mark of a packet that continues without a decision: of an undecided flow, or DNS."""
ASKED = MAX_CLASS - 2 << STATE_BITS | FlowState.UNDECIDED
"""Byte in the connection mark of DNS whose first query was judged on its way in, before its addresses were
translated."""
ANSWERED_OTHERWISE = MAX_CLASS - 3 << STATE_BITS | FlowState.UNDECIDED
"""Byte in the connection mark of a flow that was ANSWERABLE, if the server's first data was no plain
ServerHello: all its packets with payload are queued, with ASKING. No verdict has this value."""


def verdict_again(byte: int, *, udp: bool) -> int:
    """Return the byte of the packet mark for a LAN packet of a connection that stays queued.

    ``byte``: the flow's verdict (`verdict_byte`), which is returned in most cases. For plain HTTP
    and help lines it is HELD: only netlink changes the class of plain HTTP. UDP that passes may now
    have another class; this uses the state bits that a UDP connection never has together with a
    class.
    """
    state, class_number = decode_verdict(byte)
    if state in (FlowState.HELP, FlowState.ASKS):
        return HELD
    changed = udp and state is FlowState.PASSES and class_number
    return verdict_byte(FlowState.ASKS, class_number) if changed else byte


def valid_slot(number: int) -> bool:
    """Return whether a number can be the slot of a filtered device: 1..255, but not 64, 128 or 192.

    Their code in the packet's byte would be zero, which means no slot. 192 is PLAIN_SLOT.
    """
    return 1 <= number <= MAX_SLOT and number & SLOT_CODE_MASK != 0


def slot_code(slot: int) -> int:
    """Return the byte in the packet mark on the way to the queue: the low six bits of the slot, state 0.

    A slot is the number of a filtered device. The state is in the low two bits of the byte.
    """
    return (slot & SLOT_CODE_MASK) << STATE_BITS


def slot_group(slot: int) -> int:
    """Return the group of netfilter queues, 0..3, that the packets of a slot (filtered device) use."""
    return slot >> SLOT_CODE_BITS


def queue_number(base: int, slot: int, kind: QueueKind) -> int:
    """Return the number of the netfilter queue for packets of a slot (filtered device) and kind.

    ``base``: the first queue's.
    """
    return base + len(QueueKind) * slot_group(slot) + kind


def queue_numbers(base: int, slots: Iterable[int]) -> tuple[int, ...]:
    """Return the numbers of all netfilter queues for the given slots' groups, and for group 0.

    A slot is a filtered device. DNS of unfiltered devices uses group 0. ``base``: the number of the
    first queue.
    """
    groups = sorted({0} | {slot_group(slot) for slot in slots})
    return tuple(base + len(QueueKind) * group + kind for group in groups for kind in QueueKind)


def _shift(mask: int) -> int:
    return (mask & -mask).bit_length() - 1


def _check_byte(name: str, mask: int) -> None:
    if not 0 < mask <= MARK_MASK or mask >> _shift(mask) != 0xFF:
        msg = f"{name} mask {mask:#x} is not eight neighbouring bits of 32"
        raise ValueError(msg)


@dataclass(frozen=True, slots=True)
class MarkLayout:
    """The positions of Qalqan's bytes in the packet mark and the connection mark, as masks of eight bits.

    The bits are adjacent. Raises ValueError for other masks, and if the two masks of the connection
    mark overlap.
    """

    packet: int = 0x000000FF  # verdict byte, or slot code, in the packet mark
    ct: int = 0x000000FF  # verdict byte in the connection mark
    slot: int = 0x00FF0000  # slot in the connection mark
    packet_shift: int = field(init=False, repr=False)
    ct_shift: int = field(init=False, repr=False)
    slot_shift: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        _check_byte("packet", self.packet)
        _check_byte("ct", self.ct)
        _check_byte("slot", self.slot)
        if self.ct & self.slot:
            msg = f"ct mask {self.ct:#x} and slot mask {self.slot:#x} overlap"
            raise ValueError(msg)
        object.__setattr__(self, "packet_shift", _shift(self.packet))
        object.__setattr__(self, "ct_shift", _shift(self.ct))
        object.__setattr__(self, "slot_shift", _shift(self.slot))

    @property
    def ct_ours(self) -> int:
        """The mask of all bits of the connection mark that are Qalqan's.

        They are the verdict byte and the slot (number of a filtered device).
        """
        return self.ct | self.slot

    @property
    def plain(self) -> int:
        """Qalqan's bits in the connection mark of an unfiltered device's flow, except DNS over UDP."""
        return self.ct_mark(PLAIN_SLOT, verdict_byte(FlowState.PASSES))

    @property
    def plain_dns(self) -> int:
        """Qalqan's bits in the connection mark of an unfiltered device's DNS over UDP: only the slot.

        They have no verdict, since some of its queries are judged.
        """
        return self.ct_mark(PLAIN_SLOT)

    @property
    def forged(self) -> int:
        """The bits of the packet mark that show that the daemon wrote the packet itself."""
        return FORGED << self.packet_shift

    def with_verdict(self, mark: int, byte: int) -> int:
        """Return the packet mark ``mark`` with Qalqan's byte replaced by ``byte``; other bits stay."""
        return mark & (MARK_MASK ^ self.packet) | byte << self.packet_shift

    def packet_byte(self, mark: int) -> int:
        return (mark & self.packet) >> self.packet_shift

    def queued_slot(self, mark: int, queue: int, base: int) -> int:
        """Return the slot (number of a filtered device) of a packet read from a queue; 0 without one.

        ``mark``: the packet's; ``queue``: the queue's number; ``base``: the number of the first
        queue.
        """
        return (queue - base) // len(QueueKind) << SLOT_CODE_BITS | self.packet_byte(mark) >> STATE_BITS

    def is_answer(self, mark: int) -> bool:
        """Return whether a packet read from a queue is a DNS response, by its mark."""
        return self.packet_byte(mark) & STATE_MASK == ANSWER

    def is_question(self, mark: int) -> bool:
        """Return whether a packet read from a queue is a DNS query, by its mark."""
        return self.packet_byte(mark) & STATE_MASK == QUESTION

    def is_asking(self, mark: int) -> bool:
        """Return whether a packet read from a queue is of a connection that the daemon has read before.

        Its state bits are ASKING, as of the LAN side of plain HTTP.
        """
        return self.packet_byte(mark) & STATE_MASK == ASKING

    def ct_slot(self, mark: int) -> int:
        """Return the number of a filtered device (slot) in a connection mark.

        0 for a device without one, and for an unfiltered device.
        """
        number = (mark & self.slot) >> self.slot_shift
        return number if number & SLOT_CODE_MASK else 0

    def ct_verdict(self, mark: int) -> tuple[FlowState, int]:
        """Return the flow's state and class (combination of time rules) in a connection mark.

        The class is 0 if it has none.
        """
        return decode_verdict((mark & self.ct) >> self.ct_shift)

    def ct_mark(self, slot: int, byte: int = 0) -> int:
        """Return Qalqan's bits of a connection mark for a slot (filtered device) and a verdict byte.

        They are to be set under the mask ``ct_ours``.
        """
        return slot << self.slot_shift | byte << self.ct_shift

    def pass_keys(self, slot: int, class_number: int) -> tuple[int, int]:
        """Return the two keys of a slot's class in map ``@pass``: for decided flows, and for plain HTTP.

        A slot is a filtered device, a class a combination of its time rules; the map has those that
        are open now. A key is a connection mark. Raises ValueError unless the class is 1..63.
        """
        if class_number == 0:
            msg = "class 0 is no class: HELP passes without a key"
            raise ValueError(msg)
        passes = verdict_byte(FlowState.PASSES, class_number)
        asks = verdict_byte(FlowState.ASKS, class_number)
        return self.ct_mark(slot, passes), self.ct_mark(slot, asks)

    def decode_pass_key(self, key: int) -> tuple[int, int, FlowState]:
        """Return slot, class and state of a key of map ``@pass``, which is a connection mark.

        The slot is a filtered device, the class a combination of its time rules.
        """
        state, class_number = self.ct_verdict(key)
        return self.ct_slot(key), class_number, state
