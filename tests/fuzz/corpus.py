"""First inputs for each target: real messages, so that mutation starts behind the first checks."""

from __future__ import annotations

from pathlib import Path

VECTORS = Path(__file__).parent.parent / "vectors"


def seeds() -> list[bytes]:
    """Every vector, and a few by hand."""
    found = [file.read_bytes() for file in sorted(VECTORS.rglob("*")) if file.is_file()]
    query = bytes.fromhex(
        "123401000001000000000001076578616d706c6503636f6d0000010001000029100000000000000000"
    )
    head = bytes.fromhex("4500003c00010000401100000a000001c6120035")
    request = b"\x10GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\nContent-Length: 2\r\n\r\nab"
    return [
        *found,
        query,
        head + query,
        request,
        b"name: A\nband: 10-12\n",
        b"0.0.0.0 a.example\n||b.example^\n",
    ]
