"""A child process in a network namespace without a name.

It reads JSON lines and answers each with one line. Nothing remains after the test, even after `kill -9`: the
process ends with its parent, and the namespace ends with the process, together with its links.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from gateway.core.errors import GatewayError

_CLONE_NEWNET = 0x40000000  # linux/sched.h
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_START_S = 15.0  # a router's processor needs a second to start Python and import cryptography
_END_S = 2.0

Answer = Callable[[Mapping[str, Any]], Mapping[str, Any]]


class BypassTestError(GatewayError):
    """Raised if the filter test cannot run. The message says why and how to fix it."""


class NamespaceProcess:
    """Runs a module in a child process with a network namespace of its own, and sends it requests.

    The module calls `serve`. Use it as ``with NamespaceProcess("gateway.filter_test.sink") as sink:
    sink.ask("seen")``; at the end the process and the namespace end. Entering raises BypassTestError if the
    process does not start in time, or ends.
    """

    def __init__(self, module: str) -> None:
        self._module = module
        self._name = module.rpartition(".")[2]
        self._process: subprocess.Popen[bytes] | None = None
        self._unread = bytearray()

    def __enter__(self) -> NamespaceProcess:
        # Import this package, not modules in the working directory.
        package = str(Path(__file__).parents[2])
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", self._module],
            env={**os.environ, "PYTHONPATH": package},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C goes to the parent only
        )
        try:
            self._read(_START_S)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def ask(self, do: str, *, within: float = 10.0, **values: object) -> dict[str, Any]:
        """Send the request ``do`` with ``values`` to the child process, wait, and return its response.

        Raises BypassTestError if the child reports an error or ends, or does not respond within ``within``
        seconds.
        """
        assert self._process is not None
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps({"do": do, **values}).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._gone() from None
        answer = self._read(within)
        if "problem" in answer:
            raise BypassTestError(str(answer["problem"]))
        return answer

    def close(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(BrokenPipeError):
            if process.stdin is not None:
                process.stdin.close()
        try:
            process.wait(_END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()

    def _read(self, within: float) -> dict[str, Any]:
        assert self._process is not None
        assert self._process.stdout is not None
        number, until = self._process.stdout.fileno(), time.monotonic() + within
        while b"\n" not in self._unread:
            left = until - time.monotonic()
            if left <= 0 or not select.select([number], [], [], left)[0]:
                msg = f"the test's {self._name} process did not respond within {within:g} s; try again"
                raise BypassTestError(msg)
            data = os.read(number, 1 << 16)
            if not data:
                raise self._gone()
            self._unread += data
        line, _, rest = bytes(self._unread).partition(b"\n")
        self._unread[:] = rest
        found: dict[str, Any] = json.loads(line)
        return found

    def _gone(self) -> BypassTestError:
        assert self._process is not None
        assert self._process.stderr is not None
        self._process.kill()
        lines = self._process.stderr.read().decode(errors="replace").strip().splitlines()
        why = lines[-1] if lines else "no error message"
        return BypassTestError(f"the test's {self._name} process ended: {why}; try again")


def serve(answer: Answer) -> None:
    """Run a child process of the filter test: enter a new network namespace, then respond to requests.

    Requests are JSON lines on standard input. ``answer`` returns the response to one; an OSError or
    GatewayError that it raises is sent to the parent. Exits the process when the input ends, or with a
    message if there are no network namespaces.
    """
    parent, libc = os.getppid(), ctypes.CDLL(None, use_errno=True)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        return  # the parent has already ended
    if libc.unshare(_CLONE_NEWNET):
        reason = os.strerror(ctypes.get_errno())
        sys.exit(f"network namespaces are not available ({reason}); run the test as root, with this support")
    _say({"pid": os.getpid()})
    for line in sys.stdin:
        try:
            _say(answer(json.loads(line)))
        except (OSError, GatewayError) as error:
            _say({"problem": str(error)})
    os._exit(0)  # ends threads that still wait


def _say(values: Mapping[str, Any]) -> None:
    sys.stdout.write(json.dumps(values) + "\n")
    sys.stdout.flush()


def command(*words: str, stdin: str | None = None) -> str:
    """Run a program and return its standard output.

    Raises BypassTestError if it is missing, fails (with its error message), or runs longer than 10 s.
    """
    try:
        done = subprocess.run(words, input=stdin, capture_output=True, text=True, timeout=10, check=False)
    except FileNotFoundError:
        msg = f"the filter test needs the program {words[0]}; install it"
        raise BypassTestError(msg) from None
    except subprocess.TimeoutExpired:
        msg = f"{' '.join(words)} did not finish within 10 s; try again"
        raise BypassTestError(msg) from None
    if done.returncode:
        said = " ".join((done.stderr or done.stdout).split()) or f"exit status {done.returncode}"
        msg = f"{' '.join(words)}: {said}"
        raise BypassTestError(msg)
    return done.stdout
