"""Applies rules in nft's text format: by libnftables if available (0.1 ms), else by the nft command (2.5 ms).

The daemon uses one handle for its whole life. Nothing here starts a thread. A call waits for the kernel, or
at most 30 seconds for the nft command.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
from typing import Any, Protocol

from gateway.core.errors import KernelError
from gateway.core.programs import find_program

LIBRARY = "libnftables.so.1"
_JSON_OUTPUT = 1 << 4  # NFT_CTX_OUTPUT_JSON, nftables/libnftables.h
_COMMAND_TIMEOUT = 30.0  # seconds; a transaction waits for those of other programs

_COMPLAINT = re.compile(r"^(?:[^\s:]*:(?P<line>\d+):\d+(?:-\d+)?: )?(?:Error: )?(?P<what>.+)$")


class Backend(Protocol):
    """Interface: a way to pass text in nft's format to nftables."""

    name: str

    def run(self, text: str, *, check: bool = False, as_json: bool = False) -> tuple[bool, str]:
        """Run nft's ``text`` as one transaction. Return success, and the output or the error message.

        ``check``: only check it, and change nothing. ``as_json``: the output is JSON.
        """

    def close(self) -> None: ...


class Library:
    """Passes text to nftables by libnftables, called with ctypes."""

    name = "libnftables"

    def __init__(self, path: str) -> None:
        """Load the library libnftables. Raises OSError if that fails, and KernelError without memory."""
        lib = ctypes.CDLL(path)
        lib.nft_ctx_new.restype = ctypes.c_void_p
        for call in (lib.nft_ctx_buffer_output, lib.nft_ctx_buffer_error, lib.nft_ctx_free):
            call.argtypes = [ctypes.c_void_p]
        for call in (lib.nft_ctx_get_output_buffer, lib.nft_ctx_get_error_buffer):
            call.argtypes, call.restype = [ctypes.c_void_p], ctypes.c_char_p
        lib.nft_ctx_set_dry_run.argtypes = [ctypes.c_void_p, ctypes.c_bool]
        lib.nft_ctx_output_set_flags.argtypes = [ctypes.c_void_p, ctypes.c_uint]
        for call in (lib.nft_run_cmd_from_buffer, lib.nft_run_cmd_from_filename):
            call.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
        self._lib = lib
        self._trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # only glibc keeps freed memory
        self._context: int | None = lib.nft_ctx_new(0)
        if not self._context:
            msg = f"{path} could not create a context; is there free memory?"
            raise KernelError(msg)
        lib.nft_ctx_buffer_output(self._context)
        lib.nft_ctx_buffer_error(self._context)

    def run(self, text: str, *, check: bool = False, as_json: bool = False) -> tuple[bool, str]:
        self._lib.nft_ctx_set_dry_run(self._context, check)
        self._lib.nft_ctx_output_set_flags(self._context, _JSON_OUTPUT if as_json else 0)
        failed = self._lib.nft_run_cmd_from_buffer(self._context, text.encode())
        output, complaint = self._said()
        if failed:
            complaint = self._located(text) or complaint
        self._release_cache()
        return not failed, complaint if failed else output

    def _release_cache(self) -> None:
        """Return the memory of the library's copy of the kernel's tables (1.6 MB) to the system.

        Every commit makes the copy out of date. The library frees it after a check, so this checks
        an empty text. Takes 0.1 to 0.8 ms, when the change is in force already.
        """
        self._lib.nft_ctx_set_dry_run(self._context, True)
        self._lib.nft_run_cmd_from_buffer(self._context, b"")
        if self._trim is not None:
            self._trim(0)

    def _said(self) -> tuple[str, str]:
        """Return the library's output and error message, and empty both buffers.

        An unread message would appear before the next one.
        """
        output = self._lib.nft_ctx_get_output_buffer(self._context) or b""
        complaint = self._lib.nft_ctx_get_error_buffer(self._context) or b""
        return output.decode(errors="replace"), complaint.decode(errors="replace")

    def _located(self, text: str) -> str:
        """Return the error message for ``text`` with its line, which the library reports for files only.

        The text is checked again from a file in memory. Empty if no file can be created,
        or if the text is accepted now.
        """
        try:
            descriptor = os.memfd_create("nft")
        except OSError:  # no free descriptor: the message without its line is enough
            return ""
        try:
            os.write(descriptor, text.encode())
            self._lib.nft_ctx_set_dry_run(self._context, True)
            self._lib.nft_run_cmd_from_filename(self._context, f"/proc/self/fd/{descriptor}".encode())
            return self._said()[1]
        finally:
            os.close(descriptor)

    def close(self) -> None:
        if self._context:
            self._lib.nft_ctx_free(self._context)
            self._context = None


class Command:
    """Passes text to nftables by the nft command, one process per transaction."""

    name = "nft"

    def __init__(self, path: str) -> None:
        self._path = path

    def run(self, text: str, *, check: bool = False, as_json: bool = False) -> tuple[bool, str]:
        flags = [*(["-c"] if check else []), *(["-j"] if as_json else [])]
        import subprocess  # 0.6 MB, only needed without libnftables

        command = [self._path, *flags, "-f", "-"]
        try:
            done = subprocess.run(command, input=text.encode(), capture_output=True, timeout=_COMMAND_TIMEOUT)
        except (OSError, subprocess.TimeoutExpired) as error:
            return False, f"{self._path}: {error}"
        failed = done.returncode != 0
        return not failed, (done.stderr if failed else done.stdout).decode(errors="replace")

    def close(self) -> None:
        return


def find_backend() -> Backend:
    """Return the installed backend: libnftables, else the nft command. Raises KernelError if neither is."""
    try:
        return Library(LIBRARY)
    except OSError:
        path = find_program("nft")
    if path is None:
        msg = "neither libnftables nor the nft command is installed; install the package nftables"
        raise KernelError(msg)
    return Command(path)


class Nft:
    """Applies, checks and lists nftables rules. Methods except ``close`` raise KernelError with one line."""

    def __init__(self, backend: Backend | None = None) -> None:
        self._backend = backend if backend is not None else find_backend()

    @property
    def backend(self) -> str:
        """The name of the backend: ``libnftables`` or ``nft``."""
        return self._backend.name

    def apply(self, text: str) -> None:
        """Run nft's ``text`` as one transaction: all of it takes effect, or nothing does.

        Raises KernelError.
        """
        self._run(text)

    def check(self, text: str) -> None:
        """Raise KernelError if ``apply`` would refuse ``text``, including in the kernel. Changes nothing."""
        self._run(text, check=True)

    def exists(self, table: str) -> bool:
        """Return whether the nftables table ``table``, such as ``inet qalqan``, is loaded."""
        family, name = table.split()
        found = self.list(f"list tables {family}")
        return any(item.get("table", {}).get("name") == name for item in found)

    def chains(self, family: str, table: str) -> tuple[str, ...]:
        """Return the names of a table's chains; none if it is not loaded."""
        found = (item.get("chain", {}) for item in self.list(f"list chains {family}"))
        return tuple(chain["name"] for chain in found if chain.get("table") == table)

    def list(self, command: str) -> list[dict[str, Any]]:
        """Run nft's ``list …`` command; return the listed objects from its JSON, without the metainfo."""
        output = self._run(command, as_json=True)
        objects: list[dict[str, Any]] = json.loads(output)["nftables"] if output else []
        return [item for item in objects if "metainfo" not in item]

    def close(self) -> None:
        self._backend.close()

    def _run(self, text: str, *, check: bool = False, as_json: bool = False) -> str:
        worked, said = self._backend.run(text, check=check, as_json=as_json)
        if not worked:
            raise KernelError(explain(text, said))
        return said


def explain(text: str, complaint: str) -> str:
    """Return nft's error message ``complaint`` in one line, with the line of ``text`` that it is about.

    Some known errors get a hint how to fix them.
    """
    first = next((line for line in complaint.splitlines() if line.strip()), "no reason given")
    match = _COMPLAINT.match(first)
    if match is None or match["line"] is None:
        return f"nft refused the rules: {first.strip()}{_hint(first)}"
    lines = text.splitlines()
    number = int(match["line"])
    about = lines[number - 1].strip() if 0 < number <= len(lines) else ""
    return f"nft refused line {number} ({about}): {match['what']}{_hint(first)}"


def _hint(complaint: str) -> str:
    if "Operation not permitted" in complaint:
        return "; run as root or with CAP_NET_ADMIN"
    if "Could not process rule: No such file or directory" in complaint:
        return "; it is not loaded, or the kernel lacks the nft module for it"
    return ""
