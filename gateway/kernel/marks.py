"""The bits of the packet mark and the connection mark that belong to Qalqan.

Both marks carry a *verdict byte*: two bits of state below six bits of class. The connection mark carries the
device's slot beside it. No other bit is ever touched.

Before a queue the packet's byte carries the low six bits of the slot instead (state 0, ANSWER, QUESTION or
ASKING); the other two choose the queue. That is how the one who reads the queue learns whose packet it is.

Behind it the packet meets the same chain again (NF_REPEAT), which knows it by its byte. So no verdict that
lets a packet go on leaves the byte zero, or as the connection's: programs such as wg-quick put the whole mark
of the connection on each packet, and that is no verdict.
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
"""In the connection mark alone: looked up, and found to be nobody's slot. It spares such a flow's packets the
look-up by MAC address, which costs more than all else that is done to them. Its state is PASSES, so that the
first rule of the forward path serves both the unfiltered and the decided."""
ANSWER = 1
"""State bits that a DNS answer has on its way to the queue."""
QUESTION = 2
"""State bits of a DNS question there."""
ASKING = 3
"""State bits of the LAN side's packets there, on a connection that goes on being asked about: plain HTTP, or
UDP that passes. All else has none."""
SLOT_CODE_BITS = 6
SLOT_CODE_MASK = 0b111111
GROUPS = 4
QUEUES = 16  # four groups of slots, four kinds each
MARK_MASK = 0xFFFFFFFF

_HELP_OR_ASKS = 3


class State(IntEnum):
    """What is known of a flow. HELP and ASKS share the bits 3: HELP has no class, ASKS always has one."""

    UNDECIDED = 0
    PASSES = 1
    REFUSED = 2
    HELP = 3
    ASKS = 4  # plain HTTP: the reply side is released, the LAN side stays queued


class Kind(IntEnum):
    """Which queue of a group. Fail-open belongs to a queue, not to a rule, hence one for each failure mode.

    DNS goes with UDP.
    """

    OPEN_TCP = 0
    OPEN_UDP = 1
    CLOSED_TCP = 2
    CLOSED_UDP = 3


def verdict_byte(state: State, class_number: int = 0) -> int:
    """The byte of a verdict. ``class_number`` is 1..63, or 0 for a flow that belongs to no class."""
    if not 0 <= class_number <= MAX_CLASS:
        msg = f"class {class_number} does not fit 0..{MAX_CLASS}"
        raise ValueError(msg)
    if state is State.ASKS and class_number == 0:
        msg = "ASKS needs a class: with class 0 the same bits mean HELP"
        raise ValueError(msg)
    if state is State.HELP and class_number != 0:
        msg = f"HELP is never counted and has no class, not {class_number}"
        raise ValueError(msg)
    return class_number << STATE_BITS | min(state, _HELP_OR_ASKS)


def decode_verdict(byte: int) -> tuple[State, int]:
    """State and class of a verdict byte."""
    bits, class_number = byte & STATE_MASK, byte >> STATE_BITS
    if bits == _HELP_OR_ASKS and class_number:
        return State.ASKS, class_number
    return State(bits), class_number


FORGED = MAX_CLASS << STATE_BITS | State.REFUSED
"""Byte on packets that the daemon writes itself, so that they are not tracked: a refusal has no class, so no
verdict ever looks like this."""


CUT = verdict_byte(State.PASSES)
"""Byte in the connection mark of a running flow that ends: decided, and of no class, so that nothing is open
to it. Of a refused one nothing of the server's goes on, and the client of a download would wait for it."""
UPLOAD = MAX_CLASS << STATE_BITS | State.UNDECIDED
"""Byte in the connection mark of plain HTTP whose client sends much before it is answered: undecided, but
with a guard of its own. No verdict looks like this either."""

HELD = MAX_CLASS - 1 << STATE_BITS | State.UNDECIDED
"""Byte in the packet mark of what goes on and decides nothing: of an undecided flow, or DNS."""
ASKED = MAX_CLASS - 2 << STATE_BITS | State.UNDECIDED
"""Byte in the connection mark of DNS whose first question was judged on its way in, before any address of it
was translated."""


def verdict_again(byte: int, *, udp: bool) -> int:
    """A verdict on what the LAN side sends where it goes on being asked about, for the packet's mark.

    Of plain HTTP, netlink alone changes the class. UDP that passes may be of another class now, which is said
    with the state bits that a connection of UDP never has together with a class.
    """
    state, class_number = decode_verdict(byte)
    if state in (State.HELP, State.ASKS):
        return HELD
    return verdict_byte(State.ASKS, class_number) if udp and state is State.PASSES and class_number else byte


def valid_slot(number: int) -> bool:
    """1..255 but not 64, 128, 192: their code in the packet's byte would be zero, which means no slot.

    The last of them is PLAIN_SLOT.
    """
    return 1 <= number <= MAX_SLOT and number & SLOT_CODE_MASK != 0


def slot_code(slot: int) -> int:
    """What the packet's byte carries in front of the queue."""
    return (slot & SLOT_CODE_MASK) << STATE_BITS


def slot_group(slot: int) -> int:
    """0..3: which four queues a slot uses."""
    return slot >> SLOT_CODE_BITS


def queue_number(base: int, slot: int, kind: Kind) -> int:
    return base + len(Kind) * slot_group(slot) + kind


def queue_numbers(base: int, slots: Iterable[int]) -> tuple[int, ...]:
    """Every queue that the given slots can use, and group 0's always: unfiltered devices' DNS goes there."""
    groups = sorted({0} | {slot_group(slot) for slot in slots})
    return tuple(base + len(Kind) * group + kind for group in groups for kind in Kind)


def _shift(mask: int) -> int:
    return (mask & -mask).bit_length() - 1


def _check_byte(name: str, mask: int) -> None:
    if not 0 < mask <= MARK_MASK or mask >> _shift(mask) != 0xFF:
        msg = f"{name} mask {mask:#x} is not eight neighbouring bits of 32"
        raise ValueError(msg)


@dataclass(frozen=True, slots=True)
class MarkLayout:
    """Where the bytes sit. Each mask is eight neighbouring bits; the connection mark's two are disjoint."""

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
        """Every bit of the connection mark that is ours."""
        return self.ct | self.slot

    @property
    def plain(self) -> int:
        """Our bits in the connection mark of an unfiltered device's flow."""
        return self.ct_mark(PLAIN_SLOT, verdict_byte(State.PASSES))

    @property
    def plain_dns(self) -> int:
        """The same of its DNS over UDP, of which some questions are judged."""
        return self.ct_mark(PLAIN_SLOT)

    @property
    def forged(self) -> int:
        """The packet mark of packets that the daemon writes itself."""
        return FORGED << self.packet_shift

    def with_verdict(self, mark: int, byte: int) -> int:
        """A packet mark with our byte replaced and every other bit as it was."""
        return mark & (MARK_MASK ^ self.packet) | byte << self.packet_shift

    def packet_byte(self, mark: int) -> int:
        return (mark & self.packet) >> self.packet_shift

    def queued_slot(self, mark: int, queue: int, base: int) -> int:
        """The slot of a packet read from a queue; 0 is a device without a slot."""
        return (queue - base) // len(Kind) << SLOT_CODE_BITS | self.packet_byte(mark) >> STATE_BITS

    def is_answer(self, mark: int) -> bool:
        """Whether a packet read from a queue is a DNS answer, wherever it comes from."""
        return self.packet_byte(mark) & STATE_MASK == ANSWER

    def is_question(self, mark: int) -> bool:
        """Whether a packet read from a queue is a DNS question."""
        return self.packet_byte(mark) & STATE_MASK == QUESTION

    def is_asking(self, mark: int) -> bool:
        """Whether a packet read from a queue is of a connection that goes on being asked about."""
        return self.packet_byte(mark) & STATE_MASK == ASKING

    def ct_slot(self, mark: int) -> int:
        """The slot in a connection mark; 0 for a device without one."""
        number = (mark & self.slot) >> self.slot_shift
        return number if number & SLOT_CODE_MASK else 0

    def ct_verdict(self, mark: int) -> tuple[State, int]:
        """State and class in a connection mark."""
        return decode_verdict((mark & self.ct) >> self.ct_shift)

    def ct_mark(self, slot: int, byte: int = 0) -> int:
        """Our bits of a connection mark; set it under ``ct_ours``."""
        return slot << self.slot_shift | byte << self.ct_shift

    def pass_keys(self, slot: int, class_number: int) -> tuple[int, int]:
        """The two keys of one class in the pass map: of decided flows, and of plain HTTP."""
        if class_number == 0:
            msg = "class 0 is no class: HELP passes without a key"
            raise ValueError(msg)
        passes, asks = verdict_byte(State.PASSES, class_number), verdict_byte(State.ASKS, class_number)
        return self.ct_mark(slot, passes), self.ct_mark(slot, asks)

    def decode_pass_key(self, key: int) -> tuple[int, int, State]:
        """Slot, class and state of a key of the pass map."""
        state, class_number = self.ct_verdict(key)
        return self.ct_slot(key), class_number, state
