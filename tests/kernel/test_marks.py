from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.kernel.marks import (
    ANSWER,
    ANSWERED_OTHERWISE,
    ASKED,
    FORGED,
    HELD,
    MAX_CLASS,
    PLAIN_SLOT,
    QUEUES,
    UPLOAD,
    FlowState,
    MarkLayout,
    QueueKind,
    decode_verdict,
    queue_number,
    queue_numbers,
    slot_code,
    valid_slot,
    verdict_again,
    verdict_byte,
)

LAYOUTS = [
    MarkLayout(),
    MarkLayout(packet=0xFF000000, ct=0x0000FF00, slot=0x000000FF),
    MarkLayout(packet=0x0001FE00, ct=0x7F800000, slot=0x003FC000),
]
VERDICTS = [
    (FlowState.UNDECIDED, 0),
    (FlowState.REFUSED, 0),
    (FlowState.HELP, 0),
    *((FlowState.PASSES, number) for number in range(MAX_CLASS + 1)),
    *((FlowState.ASKS, number) for number in range(1, MAX_CLASS + 1)),
    *((FlowState.ANSWERABLE, number) for number in range(1, MAX_CLASS)),
]


@pytest.mark.parametrize(("state", "number"), VERDICTS)
def test_verdict_is_read_back(state: FlowState, number: int) -> None:
    assert decode_verdict(verdict_byte(state, number)) == (state, number)


def test_every_verdict_has_a_byte_of_its_own_and_none_is_the_forged_one() -> None:
    made = {verdict_byte(state, number) for state, number in VERDICTS}
    assert len(made) == len(VERDICTS)
    assert not {FORGED, UPLOAD, HELD, ASKED, ANSWERED_OTHERWISE} & made
    assert made <= set(range(256))


@pytest.mark.parametrize(
    ("byte", "verdict"),
    [(0b1, (FlowState.PASSES, 0)), (0b1011, (FlowState.ASKS, 2)), (3, (FlowState.HELP, 0))],
)
def test_bits_are_state_below_class(byte: int, verdict: tuple[FlowState, int]) -> None:
    assert decode_verdict(byte) == verdict


@pytest.mark.parametrize(
    ("state", "number", "complaint"),
    [
        (FlowState.PASSES, 64, r"class 64 does not fit 0\.\.63"),
        (FlowState.PASSES, -1, r"class -1 does not fit"),
        (FlowState.ASKS, 0, "ASKS needs a class"),
        (FlowState.HELP, 1, "HELP is never counted"),
        (FlowState.ANSWERABLE, 0, r"ANSWERABLE has a class of 1\.\.62, not 0"),
        (FlowState.ANSWERABLE, 63, r"ANSWERABLE has a class of 1\.\.62, not 63"),
    ],
)
def test_impossible_verdicts_are_refused(state: FlowState, number: int, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        verdict_byte(state, number)


def test_no_valid_slot_has_the_code_of_no_slot() -> None:
    valid = [number for number in range(-1, 300) if valid_slot(number)]
    assert len(valid) == 252
    assert all(slot_code(number) for number in valid)
    assert not {0, 64, 128, 192, 256} & set(valid)


def test_queues_of_all_slots_are_neighbours() -> None:
    numbers = {queue_number(8200, slot, kind) for slot in range(1, 256) for kind in QueueKind}
    assert numbers == set(range(8200, 8200 + QUEUES))


def test_only_the_groups_in_use_need_queues() -> None:
    first, third = range(100, 106), range(112, 118)
    assert queue_numbers(100, [1, 63]) == tuple(first)
    assert queue_numbers(100, [130]) == (*first, *third)
    assert queue_numbers(100, []) == tuple(first)


@pytest.mark.parametrize("layout", LAYOUTS)
@given(slot=st.integers(1, 255), foreign=st.integers(0, 0xFFFFFFFF), kind=st.sampled_from(QueueKind))
def test_slot_is_read_from_queue_and_mark(
    layout: MarkLayout, slot: int, foreign: int, kind: QueueKind
) -> None:
    mark = layout.with_verdict(foreign, slot_code(slot))
    assert layout.queued_slot(mark, queue_number(77, slot, kind), 77) == slot
    assert decode_verdict(layout.packet_byte(mark))[0] in (FlowState.UNDECIDED,)


@pytest.mark.parametrize("layout", LAYOUTS)
@given(mark=st.integers(0, 0xFFFFFFFF), byte=st.integers(0, 255))
def test_no_foreign_bit_is_touched(layout: MarkLayout, mark: int, byte: int) -> None:
    marked = layout.with_verdict(mark, byte)
    assert marked & ~layout.packet == mark & ~layout.packet
    assert layout.packet_byte(marked) == byte
    assert 0 <= marked <= 0xFFFFFFFF


@pytest.mark.parametrize("layout", LAYOUTS)
@given(slot=st.integers(0, 255), foreign=st.integers(0, 0xFFFFFFFF), answer=st.booleans())
def test_answers_are_told_from_all_else(layout: MarkLayout, slot: int, foreign: int, answer: bool) -> None:
    mark = layout.with_verdict(foreign, slot_code(slot) | (ANSWER if answer else 0))
    assert layout.is_answer(mark) == answer


def test_what_is_held_is_no_verdict() -> None:
    assert len({HELD, UPLOAD, ASKED, 0}) == 4
    assert {decode_verdict(byte)[0] for byte in (HELD, UPLOAD, ASKED)} == {FlowState.UNDECIDED}


@pytest.mark.parametrize("udp", [False, True])
@pytest.mark.parametrize(("state", "number"), VERDICTS)
def test_what_is_asked_about_again_is_never_answered_with_its_own_mark(
    state: FlowState, number: int, udp: bool
) -> None:
    """It would be taken for the connection's, and come to the queue for ever."""
    byte = verdict_byte(state, number)
    again = verdict_again(byte, udp=udp)
    if state in (FlowState.HELP, FlowState.ASKS):
        assert again == HELD
    elif state is FlowState.PASSES and udp and number:
        assert decode_verdict(again) == (FlowState.ASKS, number)
    else:
        assert again == byte


@pytest.mark.parametrize("layout", LAYOUTS)
def test_unfiltered_flow_has_no_slot(layout: MarkLayout) -> None:
    assert not valid_slot(PLAIN_SLOT)
    assert layout.ct_slot(layout.plain) == 0
    assert layout.ct_verdict(layout.plain) == (FlowState.PASSES, 0)
    assert all(
        layout.ct_slot(layout.ct_mark(number)) == number for number in range(256) if valid_slot(number)
    )


@pytest.mark.parametrize("layout", LAYOUTS)
def test_pass_keys_are_read_back(layout: MarkLayout) -> None:
    for slot in (1, 63, 65, 255):
        for number in (1, 2, 63):
            passes, asks = layout.pass_keys(slot, number)
            assert layout.decode_pass_key(passes) == (slot, number, FlowState.PASSES)
            assert layout.decode_pass_key(asks) == (slot, number, FlowState.ASKS)
            assert (passes | asks) & ~layout.ct_ours == 0


def test_pass_keys_are_the_decided_ones() -> None:
    assert MarkLayout().pass_keys(2, 5) == (2 << 16 | 5 << 2 | 1, 2 << 16 | 5 << 2 | 3)
    with pytest.raises(ValueError, match="class 0 is no class"):
        MarkLayout().pass_keys(1, 0)


@pytest.mark.parametrize(
    ("packet", "ct", "slot", "complaint"),
    [
        (0x7F, 0xFF, 0xFF00, "packet mask 0x7f is not eight"),
        (0xFF, 0x1FE00, 0x1FF00, "slot mask 0x1ff00 is not eight"),
        (0xFF, 0, 0xFF00, "ct mask 0x0 is not eight"),
        (0xFF << 25, 0xFF, 0xFF00, "packet mask 0x1fe000000 is not eight"),
        (0xFF, 0xFF0, 0xFF00, "overlap"),
    ],
)
def test_masks_that_do_not_fit_are_refused(packet: int, ct: int, slot: int, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        MarkLayout(packet=packet, ct=ct, slot=slot)
