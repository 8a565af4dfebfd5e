from __future__ import annotations

import pytest

from gateway.usp.frames import FRAME_LIMIT, FrameReader, MalformedFrame, Part, PartType, frame


def test_a_frame_by_the_binding() -> None:
    # R-UDS.8 to R-UDS.11: _USP, length of the rest, type of one byte, length of four bytes.
    assert frame(PartType.HANDSHAKE, b"os::1") == b"_USP\x00\x00\x00\x0a\x01\x00\x00\x00\x05os::1"


def test_frames_in_any_pieces() -> None:
    data = frame(PartType.HANDSHAKE, b"os::1") + frame(PartType.RECORD, b"r" * 300)
    reader, found = FrameReader(), []
    for place in range(len(data)):
        found += reader.feed(data[place : place + 1])
    assert found == [Part(PartType.HANDSHAKE, b"os::1"), Part(PartType.RECORD, b"r" * 300)]
    assert FrameReader().feed(data) == found


def test_parts_of_unknown_types_are_ignored() -> None:
    unknown = b"\x09\x00\x00\x00\x02zz"
    known = frame(PartType.RECORD, b"r")[8:]
    rest = unknown + known
    assert FrameReader().feed(b"_USP" + len(rest).to_bytes(4, "big") + rest) == [Part(PartType.RECORD, b"r")]


@pytest.mark.parametrize(
    "data",
    [
        b"_USB\x00\x00\x00\x00",
        b"_USP" + (FRAME_LIMIT + 1).to_bytes(4, "big"),
        b"_USP\x00\x00\x00\x00",  # no part
        b"_USP\x00\x00\x00\x03\x01\x00\x00",  # the header of a part, cut off
        b"_USP\x00\x00\x00\x06\x01\x00\x00\x00\x05o",  # a part longer than its frame
    ],
)
def test_malformed_frames_are_refused(data: bytes) -> None:
    with pytest.raises(MalformedFrame):
        FrameReader().feed(data)


def test_no_more_than_a_frame_is_kept() -> None:
    reader = FrameReader()
    reader.feed(b"_USP" + FRAME_LIMIT.to_bytes(4, "big"))
    with pytest.raises(MalformedFrame):  # what follows the largest frame is a frame again
        reader.feed(b"\x09" + (FRAME_LIMIT - 5).to_bytes(4, "big") + b"z" * (FRAME_LIMIT + 8))
