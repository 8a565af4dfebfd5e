"""The daemon as a service: signals, messages to the service manager, and periodic work."""

from __future__ import annotations

import logging
import signal
from collections import deque
from pathlib import Path

from gateway.app.daemon import Daemon
from gateway.control.listener import WEB_USER
from gateway.core.errors import GatewayError, PolicyError
from gateway.core.files import DEFAULT_CONFIG
from gateway.core.loop import Signals, Timer
from gateway.core.process_memory import (
    disable_core_dumps,
    drop_read_pages,
    return_free_memory,
    settle,
)
from gateway.core.service_manager import ServiceNotifier, keep_descriptor
from gateway.core.turns import Steps, in_turns
from gateway.dataplane.packets import go_first
from gateway.household.config_file import first_boot
from gateway.kernel.queue import STATISTICS
from gateway.lan import interfaces as lan
from gateway.wire.quic.crypto import warm_up

FLUSH = 1.0  # seconds between two checks for pending writes
TRIM = 5.0  # seconds between two returns of freed memory to the system
RELOADS = 3  # by SIGHUP in a second; further signals cause one reload together

_log = logging.getLogger(__name__)


class DaemonService:
    """Runs the daemon until a signal stops it. Reloads on SIGHUP, and reports to the service manager."""

    def __init__(self, daemon: Daemon, signals: Signals) -> None:
        self._daemon = daemon
        self._loop = daemon.loop
        self._signals = signals
        self._notifier = ServiceNotifier.from_environment()
        self._reloads: deque[float] = deque(maxlen=RELOADS)  # when the last ones began
        self._next_reload: Timer | None = None
        self._reloading = False
        self._reload_again = False  # a signal came during a reload, which may have read the files already

    def run(self) -> int:
        """Run the event loop until SIGTERM or SIGINT, then close the daemon. Return the exit code."""
        daemon = self._daemon
        go_first()
        self._loop.on_readable(self._signals, self._signalled)
        self._flush()
        self._note()
        self._purge()
        self._watchdog()
        self._trim()
        self._loop.call_later(0.0, lambda: in_turns(self._loop, _tidy()))
        self._notifier.send("READY=1")
        for line in lan.problems(daemon.rules.household.config.lan):
            _log.warning("%s", line)
        _log.info(
            "ready: %d devices in %d profiles, %s",
            len(daemon.family.members),
            len(daemon.rules.household.profiles),
            daemon.table.backend,
        )
        self._loop.run()
        self._notifier.report_stopping()
        daemon.close()
        return 0

    def _signalled(self) -> None:
        for number in self._signals.received():
            if number == signal.SIGHUP:
                self._reload_soon()
            else:
                self._loop.stop()

    def _reload_soon(self) -> None:
        """Reload the rules now, or as soon as fewer than RELOADS began in the last second.

        During a reload, another one is started after it.
        """
        if self._next_reload is not None:
            return
        if self._reloading:
            self._reload_again = True
            return
        full = len(self._reloads) == RELOADS
        delay = self._reloads[0] + 1.0 - self._loop.now() if full else 0.0
        if delay > 0:
            self._next_reload = self._loop.call_later(delay, self._reload)
        else:
            self._reload()

    def _reload(self) -> None:
        self._next_reload, self._reloading = None, True
        self._reloads.append(self._loop.now())
        self._notifier.send("RELOADING=1")
        in_turns(self._loop, self._read_rules())

    def _read_rules(self) -> Steps[None]:
        """Reload the rules in steps, and report that to the service manager. Log an error, do not raise it.

        The rule book logs the unusable files. If a signal came meanwhile, reload again.
        """
        try:
            yield from self._daemon.reload_steps()
        except PolicyError as error:
            _log.error("Reload failed: %s. Keeping the previous rules.", error)
        except GatewayError as error:
            _log.error(
                "Reload incomplete: %s. The new rules do not apply to all devices and connections yet.", error
            )
        self._reloading = False
        self._notifier.send("READY=1")
        if self._reload_again:
            self._reload_again = False
            self._reload_soon()

    def _flush(self) -> None:
        self._daemon.store.flush(self._loop.now())
        self._loop.call_later(FLUSH, self._flush)

    def _note(self) -> None:
        self._daemon.store.flush_devices()
        self._loop.call_later(self._daemon.wear.notes_every, self._note)

    def _purge(self) -> None:
        """Delete expired data, if the clock is trusted, and set the timer for the next time.

        An untrusted clock may be years ahead.
        """
        daemon = self._daemon
        more = daemon.watch.known and daemon.store.purge(daemon.local_now())
        self._loop.call_later(FLUSH if more else daemon.wear.purge_every, self._purge)

    def _trim(self) -> None:
        return_free_memory()
        self._loop.call_later(TRIM, self._trim)

    def _watchdog(self) -> None:
        if self._notifier.watchdog_period is None:
            return
        self._notifier.report_alive()
        self._loop.call_later(self._notifier.watchdog_period, self._watchdog)


def _tidy() -> Steps[None]:
    """Free the memory that only the start used, in two steps: packets that wait are judged between them."""
    warm_up()
    drop_read_pages()
    yield
    settle()


def run(
    path: Path = DEFAULT_CONFIG,
    *,
    keep_guard: bool = False,
    user: str | None = None,
    help_service: Path | None = None,
) -> int:
    """Run the daemon until a signal stops it, and return the exit code (`qalqan run`).

    If ``path`` does not exist on a router with settings of its own, the file is created from these.
    ``user``: start as root, and become this user before the filter starts. ``keep_guard`` and
    ``help_service`` as in `Daemon`. Raises GatewayError, with a message of one line, if it cannot
    run.
    """
    disable_core_dumps()
    if first_boot(path):
        _log.info("Created %s from the router's own settings.", path)
    if user is not None:
        from gateway.core.privileges import CAP_NET_ADMIN, CAP_NET_RAW, become  # only on OpenWrt

        go_first()
        keep_descriptor(STATISTICS)
        become(user, (CAP_NET_ADMIN, CAP_NET_RAW), groups=(WEB_USER,))
    signals = Signals()
    try:
        daemon = Daemon(path, keep_guard=keep_guard, help_service=help_service)
        return DaemonService(daemon, signals).run()
    finally:
        signals.close()
