"""Frames of an HTTP/2 client (RFC 9113), with header blocks by the package ``hpack``."""

from __future__ import annotations

import hpack

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, SETTINGS_TYPE, PUSH_PROMISE, PING, CONTINUATION = 0, 1, 4, 5, 6, 9
END_STREAM, END_HEADERS, PADDED, PRIORITY = 0x1, 0x4, 0x8, 0x20


def frame(kind: int, payload: bytes = b"", *, flags: int = 0, stream: int = 0) -> bytes:
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload


SETTINGS = frame(SETTINGS_TYPE, b"\x00\x03\x00\x00\x00\x64")
START = PREFACE + SETTINGS


class Client:
    """The frames of one connection's requests: they share the state of the encoder."""

    def __init__(self, *, huffman: bool = True, first: int = 1) -> None:
        """``first``: the number of the first stream, 3 after an upgrade."""
        self._encoder = hpack.Encoder()
        self._huffman = huffman
        self._stream = first - 2

    def block(self, fields: list[tuple[str, str]]) -> bytes:
        return bytes(self._encoder.encode(fields, huffman=self._huffman))

    def request(self, host: str, *more: tuple[str, str], method: str = "GET", pieces: int = 1) -> bytes:
        """HEADERS, and CONTINUATION frames for all but the first of ``pieces``."""
        pseudo = [(":method", method), (":scheme", "http"), (":path", "/"), (":authority", host)]
        return self.headers([*pseudo, ("user-agent", "a" * 40), *more], pieces=pieces)

    def headers(self, fields: list[tuple[str, str]], *, pieces: int = 1, same: bool = False) -> bytes:
        """``same``: on the stream of the last request, as trailers."""
        self._stream += 0 if same else 2
        block = self.block(fields)
        size = -(-len(block) // pieces)
        cut = [block[at : at + size] for at in range(0, len(block), size)]
        frames = []
        for number, piece in enumerate(cut):
            flags = (END_STREAM if not number else 0) | (END_HEADERS if number == len(cut) - 1 else 0)
            frames.append(frame(CONTINUATION if number else HEADERS, piece, flags=flags, stream=self._stream))
        return b"".join(frames)
