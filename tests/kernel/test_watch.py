"""What the kernel tells of changes in nftables: ours are ours, others' are seen, whatever the order."""

from __future__ import annotations

import select
import time
from collections.abc import Iterator

import pytest

from gateway.kernel.fallback import TargetQueue
from gateway.kernel.nft import Nft
from gateway.kernel.ruleset.table import render, render_alive, render_passes
from gateway.kernel.snapshot import PassElement, Slot, Snapshot
from gateway.kernel.watch import TableWatch
from tests.kernel.home import Namespace
from tests.pace import longest

pytestmark = pytest.mark.lab

SNAPSHOT = Snapshot(
    lan=("br-lan",), slots=(Slot(1, (), True),), passes=(PassElement(1, 1, lease=1),), native=False
)
OURS = ("inet", "qalqan")


class Scene:
    """The table, its watch, and somebody else's nft."""

    def __init__(self) -> None:
        self.namespace = Namespace()
        with self.namespace.inside():
            self.nft = Nft()
            self.watch = TableWatch(frozenset({OURS}))

    def ours(self, text: str) -> None:
        with self.namespace.inside(), self.watch.ours():
            self.nft.apply(text)

    def others(self, *command: str) -> None:
        self.namespace.run(*command)

    def close(self) -> None:
        self.watch.close()
        self.nft.close()
        self.namespace.close()


@pytest.fixture
def scene() -> Iterator[Scene]:
    made = Scene()
    made.ours(render(SNAPSHOT))
    yield made
    made.close()


def test_our_own_changes_are_not_news(scene: Scene) -> None:
    scene.ours(render(SNAPSHOT))
    for _ in range(3):
        scene.ours(render_alive())
    scene.ours(render_passes(SNAPSHOT, removed=SNAPSHOT.passes, added=SNAPSHOT.passes))
    assert not scene.watch.changed()


@pytest.mark.parametrize(
    "damage",
    [
        "delete table inet qalqan",
        "flush ruleset",
        "flush chain inet qalqan forward",
        "delete element inet qalqan pass { 0x00010005 }",
        "add rule inet qalqan judged accept",
        "insert rule inet qalqan ask accept",
        "flush map inet qalqan pass",
    ],
)
def test_each_kind_of_damage_is_seen_at_once(scene: Scene, damage: str) -> None:
    scene.others("nft", damage)
    assert select.select([scene.watch], [], [], longest(1.0))[0]
    assert scene.watch.changed()
    assert not scene.watch.changed()


def test_damage_between_our_changes_is_seen(scene: Scene) -> None:
    scene.ours(render_alive())
    scene.others("nft", "flush chain inet qalqan forward")
    scene.ours(render_alive())
    scene.ours(render_alive())
    assert scene.watch.changed()


def test_damage_during_our_change_is_seen(scene: Scene) -> None:
    with scene.namespace.inside(), scene.watch.ours():
        scene.nft.apply(render_alive())
        scene.others("nft", "flush chain inet qalqan forward")
    assert scene.watch.changed()


def test_other_tables_are_no_news(scene: Scene) -> None:
    scene.others("nft", "add table inet fw4")
    with scene.namespace.inside(), scene.watch.ours():
        scene.nft.apply(render_alive())
        scene.others("nft", "delete table inet fw4")
    scene.others("nft", "add table ip qalqan")
    assert not scene.watch.changed()


def test_ended_leases_are_no_news(scene: Scene) -> None:
    time.sleep(1.3)
    assert scene.nft is not None
    scene.others("nft", "list table inet qalqan")
    assert not scene.watch.changed()


def test_lost_messages_of_our_own_are_no_news_and_of_others_are(scene: Scene) -> None:
    """More changes than the buffer holds: the kernel says no more than how many transactions there were."""
    many = [f"10.{high}.{low}.0/24" for high in range(256) for low in range(256)]
    text = "".join(
        f"add element inet qalqan big {{ {', '.join(many[start : start + 4096])} }}\n"
        for start in range(0, len(many), 4096)
    )
    scene.ours("add set inet qalqan big { type ipv4_addr; flags interval; }")
    scene.ours(text)
    assert not scene.watch.changed()
    scene.others("nft", "flush set inet qalqan big")
    assert scene.watch.changed()


def test_lost_queue_target_is_seen(scene: Scene) -> None:
    with scene.namespace.inside():
        queue = TargetQueue(SNAPSHOT.queue_base)
    with scene.watch.ours():
        queue.install()
    assert not scene.watch.changed()
    scene.others("nft", "flush chain inet qalqan queue8202")
    assert scene.watch.changed()
    assert not queue.intact()
    queue.close()
