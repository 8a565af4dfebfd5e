"""Listening TCP sockets of this machine, from /proc/net/tcp (proc(5))."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

_LISTENING = "0A"  # TCP_LISTEN


def listeners() -> Iterator[tuple[str, int]]:
    """Yield address (in hex, as /proc has it) and port of each listening TCP socket of this machine."""
    for file in (Path("/proc/self/net", name) for name in ("tcp", "tcp6")):
        for words in map(str.split, file.read_text("ascii").splitlines()[1:] if file.exists() else ()):
            if words[3] == _LISTENING:
                address, _, port = words[1].partition(":")
                yield address, int(port, 16)


def is_listening(port: int) -> bool:
    """Return whether a program of this machine listens on a TCP port."""
    return any(known == port for _, known in listeners())
