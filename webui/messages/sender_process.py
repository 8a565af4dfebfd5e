"""Runs a process that sends one message and ends: what it needs is too large for the pages."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from threading import BoundedSemaphore
from typing import Any

from webui.messages.unsent import NotSent, SendFailure

TIMEOUT = 25.0  # seconds; the process ends itself earlier
PROCESSES = 2  # at the same time, of up to 48 MB of memory each; with two, a slow server does not delay all
# glibc reserves 64 MB of address space for each further thread, and the process has a limit of 128.
ENVIRONMENT = {"MALLOC_ARENA_MAX": "1"}

_places = BoundedSemaphore(PROCESSES)


def run(module: str, request: Mapping[str, object]) -> dict[str, Any]:
    """Run ``python -m module`` with ``request`` as JSON, and return the JSON object that it prints.

    Waits while PROCESSES of them run. Raises: NotSent if it fails, does not end in TIMEOUT seconds, or its
    answer says that nothing was sent.
    """
    try:
        with _places:
            done = subprocess.run(
                (sys.executable, "-m", module),
                input=json.dumps(request).encode(),
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                timeout=TIMEOUT,
                env={**os.environ, **ENVIRONMENT},
                check=False,
            )
        found = json.loads(done.stdout) if done.returncode == 0 else None
    except subprocess.TimeoutExpired:
        raise NotSent(SendFailure.SLOW) from None
    except (OSError, ValueError):
        raise NotSent(SendFailure.UNREACHABLE) from None
    if done.returncode == -signal.SIGALRM:  # its own limit
        raise NotSent(SendFailure.SLOW)
    if not isinstance(found, dict):
        raise NotSent(SendFailure.UNREACHABLE)
    if "failed" in found:
        raise NotSent(SendFailure(found["failed"]), int(found.get("status", 0)))
    return found
