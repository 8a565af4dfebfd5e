"""Logos for tests."""

from __future__ import annotations

import struct
import zlib

SVG = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n<!-- of a provider -->\n'
    b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 96 32" width="96" height="32">\n'
    b"<title>Alma &amp; Net</title><style>.a{fill:url(#g)}</style>\n"
    b'<defs><linearGradient id="g"><stop offset="0" stop-color="#c33"/><stop offset="1" stop-color="#720"/>'
    b'</linearGradient><radialGradient id="h" xlink:href="#g" xmlns:xlink="http://www.w3.org/1999/xlink"/></defs>\n'
    b'<circle class="a" cx="16" cy="16" r="14"/><path d="M40 8h48v4H40z" style="fill:#720" />\n'
    b'<text x="40" y="26" font-size="10">ALMA NET</text></svg>\n'
)


def png(width: int = 64, height: int = 32) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + b"\x72" * (width // 8) for _ in range(height))
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    parts = chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)
