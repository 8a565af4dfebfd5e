"""`qalqan run`: the daemon."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import Namespace


def run(args: Namespace) -> int:
    from gateway.daemon.memory import dataclasses_alone, one_openssl

    dataclasses_alone()
    from gateway.daemon.lean import forget_annotations, lean_dataclasses

    lean_dataclasses()
    one_openssl()
    from gateway import logs
    from gateway.commands.settings import config_path
    from gateway.daemon.service import run as run_daemon

    forget_annotations()
    logs.configure(args.log)
    return run_daemon(config_path(args), keep_guard=args.keep_guard)
