"""`make vm ARGS=children`: why connections of filtered devices are not offloaded, on a stock kernel.

A trial, not the product: a second table offloads them with `counter`, beside a real daemon that does not know
of it. docs/providers/offload.md has the conclusions.
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack

from gateway.kernel.snapshot import MAX_LEASE
from tests.lab import clients, names
from tests.lab.daemon import Daemon
from tests.lab.filtering import ALLOWED, fetch, film, fresh
from tests.lab.home import ROOT, Home
from tests.lab.netns import Namespace, stop
from tests.vm.endurance import until
from tests.vm.patience import PATIENCE_S, SILENCE_S
from tests.vm.report import Report, Try
from tests.vm.speed import CHILDREN, loaded, text_of

PART = "children"
_WATCHED_S = 10.0
_LOOK_S = 0.05
# The daemon holds one netlink socket of nft for its whole life too.
_OWNER = """
import sys, time
from gateway.kernel.nft import Nft
nft = Nft()
nft.apply(sys.argv[1])
time.sleep(86400)
"""
_BYTES = re.compile(r"\bbytes=(\d+)")


def run(home: Home, report: Report) -> None:
    report.begin(PART)
    home.begin_anew()
    daemon = fresh(home)
    with ExitStack() as stack:
        stack.callback(daemon.stop)
        trial = Trial(home, daemon, stack)
        if not report.point("the daemon starts", trial.start):
            return
        for name, attempt in trial.points():
            report.point(name, attempt)


class Trial:
    """Points that build on each other, in the order of ``points``."""

    def __init__(self, home: Home, daemon: Daemon, stack: ExitStack) -> None:
        self._home = home
        self._daemon = daemon
        self._stack = stack
        self._film: clients.Stream | None = None

    def start(self) -> str:
        self._daemon.start()
        return f"ready after {self._daemon.seconds_to_ready:.1f} s"

    def points(self) -> Iterator[tuple[str, Try]]:
        yield "a child's stream is offloaded with counter", self._offloaded
        yield "conntrack counts it, the pass map does not", self._counted
        yield "a pause alone does not cut it", self._paused
        yield "without its flow table it is cut", self._cut_by_table
        yield "deleting its conntrack entry stops it", self._entry_deleted
        yield "a table that its process owns ends with it, and so the stream", self._owned
        yield "after kill -9 a closed profile's outlives its lease", self._killed

    @property
    def _tablet(self) -> Namespace:
        return self._home.devices["tablet"]

    def _play(self, table: ExitStack) -> clients.Stream:
        table.enter_context(loaded(self._home.gateway, CHILDREN))
        stream = self._stack.enter_context(film(self._tablet, ALLOWED, 4))
        assert stream.started(PATIENCE_S), "the stream does not start"
        until(lambda: "[OFFLOAD]" in self._entry(), PATIENCE_S)
        return stream

    def _entry(self) -> str:
        command = ["conntrack", "-L", "-s", names.TABLET.ipv4, "-p", "tcp", "--dport", "443"]
        lines = self._home.gateway.run(command).stdout.splitlines()
        return next((line for line in lines if "[OFFLOAD]" in line), "")

    def _offloaded(self) -> str:
        self._table = self._stack.enter_context(ExitStack())
        self._film = self._play(self._table)
        return "IPv4"

    def _counts(self) -> tuple[int, int, int]:
        """Return the bytes so far: at the client, in conntrack, in the pass map."""
        assert self._film is not None
        listed = self._home.gateway.run(["nft", "list", "map", "inet", "qalqan", "pass"], check=True).stdout
        counted = sum(int(size) for size in re.findall(r"bytes (\d+)", listed))
        return self._film.received, sum(map(int, _BYTES.findall(self._entry()))), counted

    def _counted(self) -> str:
        before = self._counts()
        time.sleep(_WATCHED_S)
        client, conntrack, passed = (now - then for now, then in zip(self._counts(), before, strict=True))
        assert client > 0, "it stands still"
        assert conntrack > 0.9 * client, f"conntrack counts {conntrack:,} of {client:,} bytes"
        assert passed < 0.1 * client, f"the pass map counts {passed:,} of {client:,} bytes"
        return f"client {client:,} bytes, conntrack {conntrack:,}, pass map {passed:,}"

    def _paused(self) -> str:
        assert self._film is not None
        self._daemon.client.call("pause", who="daughter", minutes=30)
        time.sleep(SILENCE_S)
        assert self._film.flows(SILENCE_S), "it stands still"
        return f"it runs on after {SILENCE_S:g} s"

    def _cut_by_table(self) -> str:
        assert self._film is not None
        began = time.monotonic()
        self._table.close()
        took = self._film.death(began, PATIENCE_S)
        assert took is not None, "it runs on"
        self._daemon.client.call("resume", who="daughter")
        return f"dead after {took:.0f} ms"

    def _entry_deleted(self) -> str:
        with ExitStack() as table:
            stream = self._play(table)
            self._daemon.client.call("pause", who="daughter", minutes=30)
            began = time.monotonic()
            command = ["conntrack", "-D", "-s", names.TABLET.ipv4, "-p", "tcp", "--dport", "443"]
            self._home.gateway.run(command, check=True)
            last, received = began, stream.received
            while (now := time.monotonic()) - last < SILENCE_S:
                assert now - began < PATIENCE_S, "it runs on"
                if stream.received != received:
                    last, received = now, stream.received
                time.sleep(_LOOK_S)
            took = stream.death(began, PATIENCE_S)
        self._daemon.client.call("resume", who="daughter")
        end = "the client waits on" if took is None else f"the client learns it after {took / 1000:.0f} s"
        return f"its last byte after {(last - began) * 1000:.0f} ms; {end}"

    def _owned(self) -> str:
        text = text_of(CHILDREN).replace("{", "{ flags owner;", 1)
        owner = self._home.gateway.popen([sys.executable, "-c", _OWNER, text], cwd=ROOT)
        try:
            stream = self._stack.enter_context(film(self._tablet, ALLOWED, 4))
            assert stream.started(PATIENCE_S), "the stream does not start"
            until(lambda: "[OFFLOAD]" in self._entry(), PATIENCE_S)
            self._daemon.client.call("pause", who="daughter", minutes=30)
            time.sleep(SILENCE_S)
            assert stream.flows(SILENCE_S), "it stands still while the process runs"
        finally:
            began = time.monotonic()
            owner.kill()
            stop(owner)
        took = stream.death(began, PATIENCE_S)
        assert took is not None, "it runs on"
        self._daemon.client.call("resume", who="daughter")
        return f"dead after {took:.0f} ms"

    def _killed(self) -> str:
        with ExitStack() as table:
            stream = self._play(table)
            self._daemon.kill()
            time.sleep(MAX_LEASE + SILENCE_S)
            assert stream.flows(SILENCE_S), "it stands still"
            refused = fetch(self._tablet, f"https://{ALLOWED}/", 6, timeout=SILENCE_S)
            assert not refused.reached, "the profile is not closed"
        return f"it runs on after {MAX_LEASE + SILENCE_S:g} s; a new connection is not reached"
