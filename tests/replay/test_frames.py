"""A capture file gives every frame before the place where it is cut or broken, and one line about that."""

from __future__ import annotations

import io
import os
import re
import struct
import tracemalloc
from errno import EIO
from itertools import accumulate, chain, repeat
from typing import NamedTuple

import pytest

from gateway.replay.frames import CHUNK, CaptureError, frames
from gateway.wire.ip.capture import MAX_BLOCK, MAX_FRAME, Frame
from tests import captures

STAMPED = [(1000.0 + number, bytes([number]) * (50 + number)) for number in range(5)]


def read_frames(data: bytes, *, chunk: int = CHUNK) -> tuple[list[Frame], str]:
    """The frames, and the problem or nothing."""
    stream = io.BytesIO(data)
    found: list[Frame] = []
    try:
        found.extend(frames(lambda size: stream.read(min(size, chunk)), "a.pcap"))
    except CaptureError as error:
        return found, str(error)
    return found, ""


class File(NamedTuple):
    data: bytes
    records: list[int]  # where each begins, that of a frame or not, and the end
    empty: int  # of them, the first ones, that hold no frame
    length: int  # where in a record its length stands


def a_pcap() -> File:
    header = len(captures.pcap([]))
    sizes = [16 + len(data) for _, data in STAMPED]
    return File(captures.pcap(STAMPED), list(accumulate(sizes, initial=header)), 0, 8)


def a_pcapng() -> File:
    data = captures.pcapng(STAMPED)
    records = [0]
    while records[-1] < len(data):
        records.append(records[-1] + struct.unpack_from("<I", data, records[-1] + 4)[0])
    return File(data, records, 2, 4)


FILES = {"pcap": a_pcap(), "pcapng": a_pcapng()}
every_file = pytest.mark.parametrize("file", FILES.values(), ids=FILES)


@every_file
def test_the_whole_file_has_no_problem(file: File) -> None:
    found, problem = read_frames(file.data)
    assert [(frame.time, frame.data) for frame in found] == STAMPED
    assert problem == ""


@every_file
@pytest.mark.parametrize("chunk", [1, 5, CHUNK])
def test_cut_at_every_offset(file: File, chunk: int) -> None:
    whole, _ = read_frames(file.data)
    for place in range(len(file.data)):
        found, problem = read_frames(file.data[:place], chunk=chunk)
        complete = sum(end <= place for end in file.records[1:])
        number = max(0, complete - file.empty)
        assert found == whole[:number]
        if place < file.records[0] or (not complete and file.empty):
            cut = f"its header is cut after {place} bytes" if place else "it is empty"
            assert problem == f"a.pcap: not a capture ({cut}). Use an unpacked pcap or pcapng file."
        elif place in file.records:
            assert problem == ""
        else:
            start = file.records[complete]
            assert problem.startswith(f"a.pcap: cut at byte {start}, after frame {number}. The frames before")


@every_file
@pytest.mark.parametrize("length", [0xFFFFFFFF, 1 << 31, MAX_BLOCK + 4, MAX_FRAME + 1, "+1", "+4", "+64"])
def test_a_length_that_is_too_long(file: File, length: int | str) -> None:
    """Reported as broken at that record, whatever follows it."""
    whole, _ = read_frames(file.data)
    for number, start in enumerate(file.records[:-1]):
        data = bytearray(file.data)
        (right,) = struct.unpack_from("<I", data, start + file.length)
        wrong = right + int(length) if isinstance(length, str) else length
        struct.pack_into("<I", data, start + file.length, wrong)
        found, problem = read_frames(bytes(data + bytes(100)))
        before = max(0, number - file.empty)
        assert found == whole[:before]
        if start:
            assert re.fullmatch(rf"a.pcap: broken \(.+\) at byte {start}, after frame {before}\. .+", problem)
        else:
            assert re.fullmatch(r"a.pcap: not a capture \(.+\)\. .+", problem)


@every_file
@pytest.mark.parametrize("less", range(1, 40))
def test_a_length_that_is_too_short(file: File, less: int) -> None:
    """A pcap's frame is shorter by right when its end was not captured, so that what follows tells."""
    whole, _ = read_frames(file.data)
    for number in range(file.empty, len(file.records) - 1):
        data = bytearray(file.data)
        start = file.records[number]
        (right,) = struct.unpack_from("<I", data, start + file.length)
        struct.pack_into("<I", data, start + file.length, right - less)
        found, problem = read_frames(bytes(data))
        before = number - file.empty
        assert found[:before] == whole[:before]
        assert problem
        if file is FILES["pcapng"]:
            assert len(found) == before
            assert f" at byte {start}, after frame {before}." in problem


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "it is empty"),
        (b"\xd4\xc3", "its header is cut after 2 bytes"),
        (b"GIF89a" + bytes(20), "it begins with 47494638"),
        (b"\x1f\x8b\x08\x00" + bytes(20), "it begins with 1f8b0800"),
    ],
)
def test_what_is_no_capture(data: bytes, why: str) -> None:
    found, problem = read_frames(data)
    assert found == []
    assert problem == f"a.pcap: not a capture ({why}). Use an unpacked pcap or pcapng file."


def test_a_capture_without_frames_is_one() -> None:
    assert read_frames(captures.pcap([])) == ([], "")
    assert read_frames(captures.pcapng([])) == ([], "")


def test_a_disk_that_fails_is_reported_after_what_was_read() -> None:
    pieces = iter([FILES["pcap"].data[:200]])

    def read(size: int) -> bytes:
        for piece in pieces:
            return piece
        raise OSError(EIO, os.strerror(EIO))

    found: list[Frame] = []
    with pytest.raises(CaptureError, match=r"^a.pcap: cannot read it \(Input/output error\)\. "):
        found.extend(frames(read, "a.pcap"))
    assert len(found) == 2


def test_one_that_never_ends_is_streamed() -> None:
    """64 MiB through a reader that holds a chunk and what is made of it."""
    record = captures.pcap([(1.0, bytes(1400))])[24:]
    some = record * (CHUNK // len(record))
    pieces = chain([captures.pcap([])], repeat(some, 256), [b""])
    tracemalloc.start()
    try:
        number = sum(1 for _ in frames(lambda size: next(pieces), "long"))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert number == 256 * (CHUNK // len(record))
    assert peak < 4 * CHUNK
