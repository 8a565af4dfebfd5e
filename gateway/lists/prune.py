"""The names of one category from all its sources: no duplicates, public suffixes, children of listed parents.

Names are kept as 64-bit digests in 256 parts, so that sorting one part at a time is all the memory it takes.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import blake2s

from gateway.policy.names.domain_table import KEY_BYTES

PARTS = 256

Names = Callable[[], Iterable[str]]
"""Reads a source from its beginning; called twice, since millions of names are not kept."""


def digest_of(name: str, salt: bytes) -> int:
    """The 64 bits that `policy.domains.key_of` takes its key from."""
    return int.from_bytes(blake2s(salt + name.encode("ascii"), digest_size=KEY_BYTES).digest(), "big")


class Digests:
    """A set of digests: collect, ``seal``, then ask. Eight bytes each."""

    def __init__(self) -> None:
        self.parts = [array("Q") for _ in range(PARTS)]

    def add(self, digest: int) -> None:
        self.parts[digest >> 56].append(digest)

    def seal(self) -> None:
        """Sort and drop duplicates."""
        for number, part in enumerate(self.parts):
            self.parts[number] = array("Q", sorted(set(part)))

    def __contains__(self, digest: int) -> bool:
        part = self.parts[digest >> 56]
        at = bisect_left(part, digest)
        return at < len(part) and part[at] == digest

    def __len__(self) -> int:
        return sum(map(len, self.parts))


@dataclass(slots=True)
class Pruned:
    """What is left of a category."""

    digests: Digests
    children: int = 0  # names left out because a parent is listed
    suffixes: dict[str, int] = field(default_factory=dict)  # public suffixes by how often they were listed


def prune(
    sources: Iterable[Names],
    salt: bytes,
    is_public_suffix: Callable[[str], bool],
    own: Iterable[Names] = (),
) -> Pruned:
    """Take in every source, then leave out each name of which a parent is there too.

    ``own``: those in which a public suffix stands on purpose, such as that of a web proxy.
    """
    sources, own = tuple(sources), tuple(own)
    everything = Digests()
    pruned = Pruned(Digests())
    for names in own:
        for name in names():
            everything.add(digest_of(name, salt))
    for names in sources:
        for name in names():
            # A public suffix has few labels: asking only then spares a million look-ups.
            if name.count(".") <= 3 and is_public_suffix(name):
                pruned.suffixes[name] = pruned.suffixes.get(name, 0) + 1
            else:
                everything.add(digest_of(name, salt))
    everything.seal()
    kept = pruned.digests
    for names in (*sources, *own):
        for name in names():
            if name in pruned.suffixes and names not in own:
                continue
            if any(digest_of(parent, salt) in everything for parent in _parents(name)):
                pruned.children += 1
            else:
                kept.add(digest_of(name, salt))
    kept.seal()
    return pruned


def _parents(name: str) -> Iterator[str]:
    """Every parent of two labels and more."""
    parent = name.partition(".")[2]
    while "." in parent:
        yield parent
        parent = parent.partition(".")[2]
