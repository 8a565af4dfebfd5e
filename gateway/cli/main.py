"""The command line `qalqan`. The parser is `gateway.cli.parser`; each command is a module with ``run(args)``.

Only the module of the called command is imported, so that `qalqan status` starts in a tenth of a second.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

from gateway.cli import COMMANDS
from gateway.core.errors import GatewayError

if TYPE_CHECKING:
    import argparse

    Namespace = argparse.Namespace | SimpleNamespace

DONE, REFUSED, WRONG_USAGE = 0, 1, 2
# Errors of a failed write. Errors of reading the family's files have messages of their own.
UNWRITABLE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})
INTERRUPTED = 130  # as in a shell: 128 plus the number of SIGINT


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command in ``argv`` and return the exit status.

    It is 1 after an error, which is printed on standard error, 130 after Ctrl-C, else that of the command.
    Wrong usage raises SystemExit, as argparse does.
    """
    _replace_closed_streams()
    args = as_service(sys.argv[1:] if argv is None else argv) or _parsed(argv)
    # A name that the terminal cannot show must not abort the command.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        status: int = import_module(f"gateway.{args.module}").run(args)
        sys.stdout.flush()
    except GatewayError as error:
        return _refuse(str(error))
    except BrokenPipeError:
        # The reader has closed the pipe. Redirect stdout, so that the flush at exit does not fail.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except OSError as error:
        about = error.filename or ("standard output" if error.errno in UNWRITABLE else "")
        return _refuse(f"{about}: {error.strerror or error}".removeprefix(": "))
    except KeyboardInterrupt:
        return INTERRUPTED
    return status


def as_service(argv: Sequence[str]) -> Namespace | None:
    """Return the parsed arguments of ``run`` or ``web`` as the init scripts write them; None for all others.

    It does without argparse, which would take 0.5 MB (with gettext) as long as the service runs.
    """
    keep_guard = [*argv[:1], *argv[-1:]] == ["run", "--keep-guard"]
    rest, log = list(argv[:-1] if keep_guard else argv), "plain"
    if rest[1:3] == ["--log", "procd"]:  # as OpenWrt's init script starts both
        del rest[1:3]
        log = "procd"
    values: dict[str, str | None] = {}
    for option in ("--user", "--help-service"):  # in the order of the init script
        has_value = rest[:2] == ["run", option] and len(rest) > 2 and not rest[2].startswith("-")
        values[option] = rest[2] if has_value else None
        if has_value:
            del rest[1:3]
    match rest:
        case [("run" | "web") as name]:
            config = None
        case [("run" | "web") as name, "--config", file] if not file.startswith("-"):
            config = Path(file)
        case _:
            return None
    of_daemon: dict[str, object] = {}
    if name == "run":
        service = values["--help-service"]
        help_service = None if service is None else Path(service)
        of_daemon = {"keep_guard": keep_guard, "user": values["--user"], "help_service": help_service}
    return SimpleNamespace(module=f"{COMMANDS}.{name}", config=config, log=log, **of_daemon)


def _parsed(argv: Sequence[str] | None) -> Namespace:
    from gateway.cli.parser import build_parser

    return build_parser().parse_args(argv)


def _replace_closed_streams() -> None:
    """Open /dev/null in place of closed standard streams, so that no other file gets their descriptors."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest free descriptor
    for name, stream in (("stdout", sys.__stdout__), ("stderr", sys.__stderr__)):
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115  open until exit


def _refuse(problem: str) -> int:
    print(f"qalqan: {' '.join(problem.split())}", file=sys.stderr)
    return REFUSED
