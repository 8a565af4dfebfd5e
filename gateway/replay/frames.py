"""The frames of a capture file, streamed; and what is wrong with the file, told at its end."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator

from gateway.errors import GatewayError, WireError
from gateway.wire.capture import CaptureReader, Frame

CHUNK = 1 << 18  # bytes; what a reader holds beside one unfinished record


class CaptureError(GatewayError):
    """A file that is no capture, or one with a broken place in it."""


class CaptureFile:
    """``for frame in CaptureFile(file.read, name)``. ``cut`` says afterwards how it ends too early.

    ``read`` gives some bytes, at most as many as it is asked for, and none at the end.
    """

    def __init__(self, read: Callable[[int], bytes], name: str) -> None:
        self._read = read
        self._name = name
        self._frames = 0
        self.cut = ""  # one line, or empty

    def __iter__(self) -> Iterator[Frame]:
        """Raises CaptureError for a file that is no capture, and at a broken place, after its last frame."""
        reader = CaptureReader()
        size = 0
        while chunk := self._read(CHUNK):
            size += len(chunk)
            before = copy.deepcopy(reader)
            try:
                frames = reader.feed(chunk)
            except WireError:
                yield from self._up_to_the_break(before, chunk)
                return
            self._frames += len(frames)
            yield from frames
        if not reader.offset:
            # A capture begins with a header; without a whole one nothing says what would follow.
            problem = f"cut in its header, after {size} bytes" if size else "it is empty"
            msg = f"{self._name}: {problem}; give a pcap or pcapng file"
            raise CaptureError(msg)
        if reader.pending:
            self.cut = f"{self._name}: cut in the record after frame {self._frames}, at byte {reader.offset}"

    def _up_to_the_break(self, reader: CaptureReader, chunk: bytes) -> Iterator[Frame]:
        """The frames before a broken record, which the reader finds when it is fed in small pieces."""
        try:
            for at in range(len(chunk)):
                frames = reader.feed(chunk[at : at + 1])
                self._frames += len(frames)
                yield from frames
        except WireError as error:
            told = f" after frame {self._frames}" if reader.offset else ""
            msg = f"{self._name}: {error}{told}"
            raise CaptureError(msg) from error
