"""The frames of a capture file of any size; and what is wrong with the file, once all before it was given."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from io import BufferedReader
from pathlib import Path

from gateway.core.errors import GatewayError, WireError
from gateway.wire.ip import link
from gateway.wire.ip.capture import CaptureReader, Frame

CHUNK = 1 << 18  # bytes; what is held beside one unfinished record


class CaptureError(GatewayError):
    """A file that is no capture, or one that is cut or broken somewhere."""


def opened(name: str) -> BufferedReader:
    """The file of that name."""
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
    return CaptureError(f"{name}: cannot be read ({error.strerror}); give a pcap or pcapng file, unpacked")


def frames(read: Callable[[int], bytes], name: str) -> Iterator[Frame]:
    """Every frame; where the capture is cut or broken, CaptureError after the last one before that place.

    ``read`` gives some bytes, at most as many as it is asked for, and none at the end.
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
        # A capture begins with a header; without a whole one nothing says what would follow.
        cut = f"cut in its header, after {reader.pending} bytes" if reader.pending else "it is empty"
        msg = f"{name}: no capture ({broken or cut}); give a pcap or pcapng file, unpacked"
        raise CaptureError(msg)
    if broken or reader.pending:
        how = f"broken ({broken})" if broken else "cut"
        msg = (
            f"{name}: {how} at byte {reader.offset}, after frame {given}; what comes before is told,"
            " record or copy it again for the rest"
        )
        raise CaptureError(msg)


def is_cut(frame: Frame) -> bool:
    """Whether an IP packet in ``frame`` says that it is longer."""
    try:
        found = link.ip_payload(frame.linktype, frame.data)
    except WireError:
        return True
    if found is None or not found.packet:
        return found is not None
    data = found.packet
    if data[0] >> 4 == 4:
        return len(data) < 20 or int.from_bytes(data[2:4], "big") > len(data)
    return data[0] >> 4 == 6 and (len(data) < 40 or 40 + int.from_bytes(data[4:6], "big") > len(data))
