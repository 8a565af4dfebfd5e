"""Describes recent blocks of the requesting device in the reader's language."""

from __future__ import annotations

from gateway.control.contract.activity import RECENT_BLOCKS, BlockOrigin, RecentBlock, RecentBlocks
from webui.daemon import daemon
from webui.features.status.home_text import Here
from webui.language import telling, things

TIME_REASONS = frozenset({"bedtime", "window", "out_of_time"})
SHOWN = 10
PACKAGED = ("own-", "built-in")  # ids of lists that come with the program begin like this
NO_ORIGIN = BlockOrigin(who="", kind=None, contest="", since=None, by=None, version=None, lists=())


class BlockView:
    """A block, worded for the user of the blocked device."""

    def __init__(self, block: RecentBlock) -> None:
        self.block = block
        self.origin = block.decided or NO_ORIGIN

    @property
    def title(self) -> str:
        """Return the name of the service, or else the host. Both are untrusted input."""
        return self.block.name or self.block.host

    @property
    def entry(self) -> str:
        """Return what a request for it names: the host, or ``service:ID``; empty if neither is known."""
        return self.block.host or self.block.entry

    @property
    def sentence(self) -> str:
        return telling.refusal(self.block, yours=True)

    @property
    def for_time(self) -> bool:
        return self.block.reason in TIME_REASONS

    @property
    def contest(self) -> str:
        """Return a sentence about where to contest the block; empty if that is unknown."""
        return telling.contested(self.origin.contest)

    @property
    def category(self) -> str:
        kind = self.origin.kind or ""
        return things.categories().get(kind, kind.replace("_", " "))

    @staticmethod
    def is_packaged(list_id: str) -> bool:
        """Return whether a list comes with the program."""
        return list_id.startswith(PACKAGED)


class BlocksView:
    """The last blocks of a device, newest first."""

    def __init__(self, blocks: RecentBlocks) -> None:
        self.shared = blocks.shared
        self.found = tuple(BlockView(block) for block in blocks.refusals)

    def of_host(self, host: str) -> BlockView | None:
        return next((view for view in self.found if view.block.host == host), None)

    def askable(self, entry: str) -> BlockView | None:
        """Return the block of a host or service if the child may send a request for it; None otherwise."""
        if not entry:
            return None
        found = (view for view in self.found if view.block.askable and not view.for_time)
        return next((view for view in found if view.entry == entry), None)


def blocks_of(here: Here) -> BlocksView:
    """Return the last ten blocks within ten minutes on the device ``here``; none of an unknown device."""
    if not here.mac:
        return BlocksView(RecentBlocks((), shared=False))
    return BlocksView(daemon().client.ask(RECENT_BLOCKS, device=here.mac, limit=SHOWN))
