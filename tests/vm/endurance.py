"""A running stream is cut; the daemon is killed, its table torn away, and at last it is asked to go."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

from gateway.kernel.marks import MarkLayout
from gateway.kernel.ruleset.table import TABLE
from tests.lab import clients
from tests.lab.daemon import Daemon
from tests.lab.filtering import ALLOWED, REFUSED, fetch, film
from tests.lab.home import Home
from tests.lab.netns import Namespace
from tests.vm.patience import PATIENCE_S, SILENCE_S
from tests.vm.refusals import reached
from tests.vm.report import Try

OPENS_S = 4.0  # after a kill; the daemon's last sign of life holds for 3 s
CHILD = "daughter"
HELP = "befrienders.org"  # a help line of every country
HELP_TRY_S = 3.0
_TRY_EVERY_S = 0.1


class Endurance:
    """Points that build on each other, in the order of ``points``. Made before the daemon is started."""

    def __init__(self, home: Home, daemon: Daemon) -> None:
        self._home = home
        self._daemon = daemon
        self._killed = 0.0
        self._patient: clients.Stream | None = None  # begun at the moment of the kill
        self._pids_before = set(home.gateway.pids())
        self._tables_before = self._tables()

    def close(self) -> None:
        if self._patient is not None:
            self._patient.close()

    def points(self) -> Iterator[tuple[str, Try]]:
        yield "a pause cuts the stream that runs", self._pause
        yield "kill -9: an open profile opens", self._killed_opens
        yield "kill -9: help is reachable", self._killed_help
        yield "kill -9: a closed profile stays closed", self._killed_stays_closed
        yield "after kill -9 it starts again", self._starts_again
        yield "`nft flush ruleset` is mended", self._mended
        yield "SIGTERM leaves nothing", self._leaves_nothing

    @property
    def _tablet(self) -> Namespace:
        return self._home.devices["tablet"]

    def _pause(self) -> str:
        with ExitStack() as stack:
            child, other = (
                stack.enter_context(film(self._home.devices[key], ALLOWED, 4)) for key in ("tablet", "phone")
            )
            assert child.started(PATIENCE_S), "the stream does not start"
            assert other.started(PATIENCE_S), "the other's stream does not start"
            began = time.monotonic()
            self._daemon.client.call("pause", who=CHILD, minutes=30)
            took = child.death(began, PATIENCE_S)
            assert took is not None, "it runs on"
            assert other.flows(SILENCE_S), "the other's stream stands still too"
        refused = fetch(self._tablet, f"https://{ALLOWED}/", 4, timeout=SILENCE_S)
        assert not refused.reached, "a new connection goes through"
        self._daemon.client.call("resume", who=CHILD)
        again = reached(fetch(self._tablet, f"https://{ALLOWED}/", 4, timeout=PATIENCE_S))
        return f"dead after {took:.0f} ms, the other's goes on; resumed, a new connection is {again}"

    def _killed_opens(self) -> str:
        phone = self._home.devices["phone"]
        reached(fetch(self._tablet, f"https://{HELP}/", 4, timeout=PATIENCE_S))
        self._daemon.kill()
        self._killed = time.monotonic()
        self._patient = film(self._tablet, ALLOWED, 4)
        until(lambda: fetch(phone, f"https://{REFUSED}/", 4, timeout=OPENS_S).reached, OPENS_S)
        return f"even {REFUSED} is reached {self._since_kill()}"

    def _killed_stays_closed(self) -> str:
        """Neither for a connection that was tried at once and is tried still, nor for a new one."""
        for version in (4, 6):
            outcome = fetch(self._tablet, f"https://{ALLOWED}/", version, timeout=SILENCE_S)
            assert not outcome.reached, f"{ALLOWED} is reached over IPv{version}"
        answer = clients.dig(self._tablet, ALLOWED, timeout=int(SILENCE_S))
        assert not answer.records, f"{ALLOWED} has an address: {answer.records[0]}"
        assert self._patient is not None
        assert not self._patient.received, f"{ALLOWED} is reached by who tries long enough"
        return f"nothing is reached {self._since_kill()}"

    def _killed_help(self) -> str:
        """By name too: another resolver answers for it."""
        url = f"https://{HELP}/"
        until(lambda: clients.curl(self._tablet, url, timeout=HELP_TRY_S).reached, PATIENCE_S)
        return f"{HELP} is reached {self._since_kill()}"

    def _since_kill(self) -> str:
        return f"{time.monotonic() - self._killed:.1f} s after it"

    def _starts_again(self) -> str:
        self._daemon.start()
        return f"ready after {self._daemon.seconds_to_ready:.1f} s; {self._filters()}"

    def _filters(self) -> str:
        """Over IPv6, which needs nothing of the gateway but our own table."""
        refused = fetch(self._tablet, f"https://{REFUSED}/", 6, timeout=PATIENCE_S)
        assert refused.how == "reset", f"{REFUSED}: {refused.how}"
        return f"reset after {refused.ms:.0f} ms, " + reached(
            fetch(self._tablet, f"https://{ALLOWED}/", 6, timeout=PATIENCE_S)
        )

    def _mended(self) -> str:
        assert not self._repairs(), f"it repaired {self._repairs()} times what no program had touched"
        began = time.monotonic()
        self._home.gateway.run(["nft", "flush", "ruleset"], check=True)
        until(lambda: "queue" in self._table(), SILENCE_S)
        took = time.monotonic() - began
        seen = self._filters()
        assert self._repairs() == 1, f"it took {self._repairs()} times"
        return f"after {took:.1f} s; {seen}"

    def _repairs(self) -> int:
        return int(self._daemon.client.call("status")["repairs"])

    def _table(self) -> str:
        return self._home.gateway.run(["nft", "list", "table", *TABLE.split()]).stdout

    def _leaves_nothing(self) -> str:
        assert self._tables() - self._tables_before, "there was no table"
        assert self._marked(), "there was no marked connection"
        pid, began = self._daemon.pid, time.monotonic()
        os.kill(pid, signal.SIGTERM)
        until(lambda: os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None, PATIENCE_S)
        took = time.monotonic() - began
        status = self._daemon.stop()
        assert status == 0, f"its exit status is {status}"
        tables = self._tables() - self._tables_before
        assert not tables, f"{', '.join(tables)} is still there"
        marked = self._marked()
        assert not marked, f"{len(marked)} connections are still marked: {marked[0]}"
        assert not self._daemon.socket.exists(), "its control socket is still there"
        processes = set(self._home.gateway.pids()) - self._pids_before
        assert not processes, f"{len(processes)} of its processes are still there"
        outcome = fetch(self._tablet, f"https://{REFUSED}/", 6, timeout=PATIENCE_S)
        return f"gone after {took:.1f} s; {REFUSED} is {reached(outcome)}"

    def _tables(self) -> set[str]:
        return set(self._home.gateway.run(["nft", "list", "tables"], check=True).stdout.splitlines())

    def _marked(self) -> list[str]:
        """Connections that carry a bit of ours."""
        found = []
        for family in ("ipv4", "ipv6"):
            listed = self._home.gateway.run(["conntrack", "-L", "-f", family], check=True).stdout
            for line in listed.splitlines():
                mark = re.search(r"\bmark=(\d+)", line)
                if mark and int(mark[1]) & MarkLayout().ct_ours:
                    found.append(line)
        return found


def until(condition: Callable[[], bool], timeout: float) -> None:
    """Try again and again; AssertionError when it does not hold in time."""
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end, f"not within {timeout:g} s"
        time.sleep(_TRY_EVERY_S)
