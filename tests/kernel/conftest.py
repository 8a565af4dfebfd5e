"""The home of the lab tests, and the gateway in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from gateway.kernel.fallback import TargetQueue, native_queue
from gateway.kernel.marks import MarkLayout
from gateway.kernel.nft import Nft
from gateway.kernel.rawsend import RawSender
from gateway.kernel.ruleset.table import render, render_alive, render_update
from gateway.kernel.snapshot import Slot, Snapshot
from tests.kernel.home import (
    CHILD_MAC,
    LAN,
    Home,
    Namespace,
)
from tests.kernel.listener import Judge, Listener
from tests.kernel.resolving import Resolver, Start


class Gateway:
    """What the daemon does to the kernel, by hand; nft's queue where there is one, else the target."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self._listeners: list[Listener] = []
        self.snapshot: Snapshot | None = None
        with home.router.inside():
            self.nft = Nft()
            self.native = native_queue(self.nft)
            self.targets: TargetQueue | None = None

    def load(self, snapshot: Snapshot, *, alive: int = 60) -> None:
        """Load the table, or change the one that is loaded; ``alive`` seconds of life, 0 for none."""
        with self.home.router.inside():
            first = self.snapshot is None
            self.nft.apply(
                render(snapshot) if self.snapshot is None else render_update(self.snapshot, snapshot)
            )
            if first and not self.native:
                self.targets = TargetQueue(snapshot.queue_base)
                self.targets.install()
            if alive:
                self.nft.apply(render_alive(alive))
        self.snapshot = snapshot
        self.home.expect_tracking()

    def apply(self, text: str) -> None:
        with self.home.router.inside():
            self.nft.apply(text)

    def listen(self, judge: Judge) -> Listener:
        assert self.snapshot is not None
        listener = Listener(self.home.router, self.snapshot.queue_base, judge, self.snapshot.layout)
        self._listeners.append(listener)
        return listener

    def close(self) -> None:
        for listener in self._listeners:
            listener.close()
        if self.targets is not None:
            self.targets.close()
        self.nft.close()


@pytest.fixture
def home(namespaces: None) -> Iterator[Home]:
    built = Home()
    yield built
    built.close()


@pytest.fixture
def gateway(home: Home) -> Iterator[Gateway]:
    made = Gateway(home)
    yield made
    made.close()


@pytest.fixture
def blank(gateway: Gateway) -> Snapshot:
    """A snapshot without any device, for ``dataclasses.replace``."""
    return Snapshot(lan=(LAN,), native=gateway.native)


@pytest.fixture
def namespace(namespaces: None) -> Iterator[Namespace]:
    """An empty one, entered."""
    made = Namespace()
    with made.inside():
        yield made
    made.close()


@pytest.fixture
def sender(home: Home) -> Iterator[RawSender]:
    with home.router.inside():
        made = RawSender(MarkLayout())
    yield made
    made.close()


@pytest.fixture
def child(blank: Snapshot) -> Snapshot:
    """One closed child in slot 3."""
    return replace(blank, slots=(Slot(3, (CHILD_MAC,), closed=True),))


@pytest.fixture
def resolvers(home: Home) -> Iterator[Start]:
    running: list[Resolver] = []
    yield lambda namespace, port, name: running.append(Resolver(namespace, port, name))
    for resolver in running:
        resolver.close()
