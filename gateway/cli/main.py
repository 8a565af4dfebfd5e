"""The command line `qalqan`. The parser is `gateway.cli.parser`; each command is a module with ``run(args)``.

A command's module is imported when it is called, so that `qalqan status` starts in a tenth of a second.
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
# What writing to a file says when it cannot; reading the family's files has errors of its own.
UNWRITABLE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})
INTERRUPTED = 130  # as a shell says it: 128 and the number of SIGINT


def main(argv: Sequence[str] | None = None) -> int:
    """The exit status; wrong usage ends by SystemExit, as argparse has it."""
    _stand_in()
    args = as_service(sys.argv[1:] if argv is None else argv) or _parsed(argv)
    # A child's name must not end a command on a terminal that cannot show it.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        status: int = import_module(f"gateway.{args.module}").run(args)
        sys.stdout.flush()
    except GatewayError as error:
        return _refuse(str(error))
    except BrokenPipeError:
        # Whoever reads has seen enough. Nothing is left that the interpreter would flush on its way out.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except OSError as error:
        about = error.filename or ("standard output" if error.errno in UNWRITABLE else "")
        return _refuse(f"{about}: {error.strerror or error}".removeprefix(": "))
    except KeyboardInterrupt:
        return INTERRUPTED
    return status


def as_service(argv: Sequence[str]) -> Namespace | None:
    """What a process that stays is told, as its unit has it. argparse, and gettext with it, would take 0.5 MB
    for as long as it runs. None for all else, which the parser reads.
    """
    keep_guard = [*argv[:1], *argv[-1:]] == ["run", "--keep-guard"]
    match argv[:-1] if keep_guard else argv:
        case [("run" | "web") as name]:
            config = None
        case [("run" | "web") as name, "--config", file] if not file.startswith("-"):
            config = Path(file)
        case _:
            return None
    return SimpleNamespace(module=f"{COMMANDS}.{name}", config=config, log="plain", keep_guard=keep_guard)


def _parsed(argv: Sequence[str] | None) -> Namespace:
    from gateway.cli.parser import build_parser

    return build_parser().parse_args(argv)


def _stand_in() -> None:
    """For a standard stream that is closed: what is told goes nowhere, and no file gets its number."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free
    for name, there in (("stdout", sys.__stdout__), ("stderr", sys.__stderr__)):
        if there is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115  as long as we run


def _refuse(problem: str) -> int:
    print(f"qalqan: {' '.join(problem.split())}", file=sys.stderr)
    return REFUSED
