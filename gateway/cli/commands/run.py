"""`qalqan run`: runs the daemon in the foreground."""

from __future__ import annotations

import gc
import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import Namespace


def run(args: Namespace) -> int:
    # Until the daemon handles signals, a reload or SIGUSR1 must not end it. It reads all files later anyway.
    for number in (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, signal.SIG_IGN)
    from gateway.core.process_memory import (
        forget_annotations_and_docstrings,
        forget_yaml_in_python,
        import_dataclasses_alone,
        name_time_zones,
        one_openssl,
    )

    name_time_zones()
    import_dataclasses_alone()
    from gateway.core.compact_dataclasses import install_compact_dataclasses

    install_compact_dataclasses()
    one_openssl()
    forget_yaml_in_python()
    from gateway.app.service import run as run_daemon
    from gateway.cli.settings import config_path
    from gateway.core import logs

    forget_annotations_and_docstrings("gateway.")
    gc.collect()  # free the modules' unused objects first, so that new ones reuse their memory
    logs.configure(args.log)
    return run_daemon(
        config_path(args), keep_guard=args.keep_guard, user=args.user, help_service=args.help_service
    )
