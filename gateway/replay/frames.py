"""Reads the frames of a capture file of any size; reports damage after all frames before it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from io import BufferedReader
from pathlib import Path

from gateway.core.errors import GatewayError, WireError
from gateway.wire.ip.capture import CaptureReader, Frame, ip_payload

CHUNK = 1 << 18  # bytes in memory, next to one incomplete record


class CaptureError(GatewayError):
    """Raised for a file that cannot be read, is not a capture, or is cut or damaged.

    The message says where.
    """


def open_capture(name: str) -> BufferedReader:
    """Return a capture file, opened for reading. Raises CaptureError."""
    try:
        return Path(name).open("rb")
    except OSError as error:
        raise _unreadable(name, error) from error


def _chunk(read: Callable[[int], bytes], name: str) -> bytes:
    try:
        return read(CHUNK)
    except OSError as error:
        raise _unreadable(name, error) from error


def _unreadable(name: str, error: OSError) -> CaptureError:
    return CaptureError(f"{name}: cannot read it ({error.strerror}). Use an unpacked pcap or pcapng file.")


def frames(read: Callable[[int], bytes], name: str) -> Iterator[Frame]:
    """Yield every frame of a capture. Raises CaptureError after the last frame before a damaged or cut part.

    ``read`` returns at most as many bytes as requested, and none at the end. ``name``: the capture's, in
    errors.
    """
    reader = CaptureReader()
    given = 0
    broken = ""
    try:
        while chunk := _chunk(read, name):
            reader.feed(chunk)
            while (frame := reader.next_frame()) is not None:
                given += 1
                yield frame
    except WireError as error:
        broken = str(error)
    if not reader.offset:
        # A capture begins with a header; without it the format of the rest is unknown.
        cut = f"its header is cut after {reader.pending} bytes" if reader.pending else "it is empty"
        msg = f"{name}: not a capture ({broken or cut}). Use an unpacked pcap or pcapng file."
        raise CaptureError(msg)
    if broken or reader.pending:
        how = f"broken ({broken})" if broken else "cut"
        msg = (
            f"{name}: {how} at byte {reader.offset}, after frame {given}. The frames before it were read."
            " Record or copy the file again to get the rest."
        )
        raise CaptureError(msg)


def is_cut(frame: Frame) -> bool:
    """Return whether the IP packet in ``frame`` is shorter than its length field, or than its header.

    Also True for a frame that is cut before it. False for a frame without an IP packet.
    """
    try:
        found = ip_payload(frame.linktype, frame.data)
    except WireError:
        return True
    if found is None or not found.packet:
        return found is not None
    data = found.packet
    if data[0] >> 4 == 4:
        return len(data) < 20 or int.from_bytes(data[2:4], "big") > len(data)
    return data[0] >> 4 == 6 and (len(data) < 40 or 40 + int.from_bytes(data[4:6], "big") > len(data))
