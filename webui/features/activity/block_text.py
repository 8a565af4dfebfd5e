"""Describes recent blocks of the requesting device in the reader's language."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gateway.control.contract.activity import RECENT_BLOCKS, BlockOrigin, RecentBlock, RecentBlocks
from gateway.policy.names.list_ids import is_own_list
from gateway.policy.profile.rules import SERVICE
from gateway.policy.values import TIME_REASONS, Reason
from webui.daemon import daemon
from webui.features.status.home_text import Here
from webui.language import telling, things
from webui.language.i18n import gettext as _

SHOWN = 10
# The site's category decided: a list may have it wrong. A person's own rule is no mistake.
CLASSIFIED = frozenset({Reason.CATEGORY, Reason.NEW_DOMAIN, Reason.UNKNOWN_DOMAIN})
PACKAGED = ("own-", "built-in")  # ids of lists that come with the program begin like this
NO_ORIGIN = BlockOrigin(who="", kind=None, contest="", since=None, by=None, version=None, lists=())


class BlockView:
    """A block, worded for the user of the blocked device."""

    def __init__(self, block: RecentBlock) -> None:
        self.block = block
        self.origin = block.decided or NO_ORIGIN

    @property
    def title(self) -> str:
        """Return the name of the blocked service, or else the blocked host. Both are untrusted input."""
        return self.block.name or self.block.host

    @property
    def entry(self) -> str:
        """Return how a child's request names the blocked target: the host, or ``service:ID``.

        Empty if unknown.
        """
        return self.block.host or self.block.entry

    @property
    def site(self) -> str:
        """Return the key by which the pages group blocks: the entry of the site or service.

        The host if there is none; reason and name if both are unknown.
        """
        return self.block.entry or self.block.host or f"{self.block.reason} {self.block.name}"

    @property
    def may_be_wrong(self) -> bool:
        """Return whether the child can report the block as a mistake.

        That is if a site is blocked by its category, or as new or unknown; not by a family's rule,
        and no service.
        """
        return self.block.reason in CLASSIFIED and not self.block.entry.startswith(SERVICE)

    @property
    def why_not(self) -> str:
        """Return a sentence that says why the child cannot ask for the target; empty if it can."""
        if self.block.askable:
            return ""
        return {
            Reason.PAUSED: _("You cannot ask during a pause. A parent ends it."),
            Reason.LAW: _("You cannot ask for it. A parent turned on a law that blocks it."),
            Reason.REGISTER: _("You cannot ask for it. No parent can open one site of this list."),
            Reason.REFUSED_FOR_EVERYONE: _("You cannot ask for it. It is blocked for everyone."),
        }.get(Reason(self.block.reason), _("You cannot ask for it. It protects the filter itself."))

    @property
    def sentence(self) -> str:
        return telling.refusal(self.block, yours=True)

    @property
    def for_time(self) -> bool:
        return self.block.reason in TIME_REASONS

    @property
    def contest(self) -> str:
        """Return a sentence that says where a person can object to the block; empty if that is unknown."""
        return telling.contested(self.origin.contest)

    @property
    def category(self) -> str:
        kind = self.origin.kind or ""
        return things.categories().get(kind, kind.replace("_", " "))

    @property
    def ask_category(self) -> str:
        """Return how a request names the site's whole category: ``category:ID``.

        Empty if the child cannot ask for it.
        """
        return self.block.ask_category if self.block.askable else ""

    @staticmethod
    def is_packaged(list_id: str) -> bool:
        """Return whether the list of sites with this id comes with the program.

        The ids of the family's own lists begin with ``own-`` too.
        """
        return list_id.startswith(PACKAGED) and not is_own_list(list_id)


@dataclass(frozen=True, slots=True)
class SiteBlocks:
    """All recent blocks of one site or service.

    The page shows one of them, ``view``, with a button to ask for it.
    """

    view: BlockView  # the latest that the child can ask for, else the latest
    hosts: tuple[str, ...]  # all blocked hosts of the site, newest first


class BlocksView:
    """The last blocks of a device, newest first.

    ``shared``: another device shares its slot, as guests may, so that no block is listed.
    """

    def __init__(self, blocks: RecentBlocks) -> None:
        self.shared = blocks.shared
        self.found = tuple(BlockView(block) for block in blocks.refusals)

    @property
    def sites(self) -> tuple[SiteBlocks, ...]:
        """Return the device's last blocks grouped by site or service, the latest group first."""
        groups: dict[str, list[BlockView]] = {}
        for view in self.found:
            groups.setdefault(view.site, []).append(view)
        return tuple(
            SiteBlocks(
                next((view for view in views if view.block.askable), views[0]),
                tuple(dict.fromkeys(view.block.host for view in views if view.block.host)),
            )
            for views in groups.values()
        )

    def of_host(self, host: str) -> BlockView | None:
        return next((view for view in self.found if view.block.host == host), None)

    def askable(self, entry: str) -> BlockView | None:
        """Return the block of a host or service if the child may send a request for it; None otherwise.

        None also if a time rule blocked it: requests for time are separate. ``entry``: a host or
        ``service:ID``.
        """
        if not entry:
            return None
        return next((view for view in self._askable() if entry in (view.entry, view.site)), None)

    def asked_category(self, entry: str) -> str:
        """Return the name of the category that a request asks for, if the child may send it; empty otherwise.

        ``entry``: the text of the request (`BlockView.ask_category`).
        """
        return next((view.category for view in self._askable() if entry and entry == view.ask_category), "")

    def _askable(self) -> Iterator[BlockView]:
        return (view for view in self.found if view.block.askable and not view.for_time)


def blocks_of(here: Here) -> BlocksView:
    """Return the last ten blocks on the requesting device within ten minutes.

    An unknown device has no blocks.
    """
    if not here.mac:
        return BlocksView(RecentBlocks((), shared=False))
    return BlocksView(daemon().client.ask(RECENT_BLOCKS, device=here.mac, limit=SHOWN))
