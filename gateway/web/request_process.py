"""The limits of a process that answers one JSON request of its parent, and its reading of the request."""

from __future__ import annotations

import json
import resource
import signal
import sys
from collections.abc import Callable, Mapping
from typing import Any

# A check takes 0.2 s on a PC, most of it imports. An MT7621 is some sixty times slower (docs/performance.md).
CPU_SECONDS = 15
SECONDS = 20  # includes waiting for input and for the disk
MEMORY = 128 << 20  # bytes of address space; libraries use 43 MiB


class RequestError(Exception):
    """Raised in a helper process if the request on its standard input is invalid."""


def limit_process() -> None:
    """Limit this process to 15 s of processor time, 20 s in total and 128 MiB of address space.

    The kernel ends it when a time is over. Beyond the memory, allocations fail (MemoryError). No core dump is
    written, which would contain the request.
    """
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.alarm(SECONDS)


def serve(name: str, most: int, answer: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> int:
    """Call ``answer`` with the JSON object on standard input, and print its result as a line of JSON.

    Return the exit status: 0, or 2 for a request that is invalid or has more than ``most`` bytes. ``name``:
    begins the line on standard error about it. `limit_process` is called first.
    """
    limit_process()
    try:
        result = answer(read_request(most))
    except RequestError as error:
        sys.stderr.write(f"{name}: {error}\n")
        return 2
    sys.stdout.write(f"{json.dumps(result)}\n")
    return 0


def read_request(most: int) -> Mapping[str, Any]:
    """Return the JSON object on standard input.

    Raises RequestError for more than ``most`` bytes, or for other content.
    """
    data = sys.stdin.buffer.read(most + 1)
    try:
        request = json.loads(data) if len(data) <= most else None
    except (ValueError, RecursionError):
        msg = "no JSON"
        raise RequestError(msg) from None
    if not isinstance(request, dict):
        msg = f"no object of JSON of at most {most} bytes"
        raise RequestError(msg)
    return request


def text_of(request: Mapping[str, Any], name: str) -> str:
    """Return the request's text value with this name. Raises RequestError if it is missing or no text."""
    value = request.get(name)
    if not isinstance(value, str):
        msg = f"{name}: no text"
        raise RequestError(msg)
    return value
