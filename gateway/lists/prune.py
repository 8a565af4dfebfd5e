"""Merges the names of one category: no duplicates, no public suffixes, no subdomains of listed names.

Names are stored as 64-bit digests in 256 parts. Only one part is sorted at a time, which bounds the memory.
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
"""Reads a source from its beginning. It is called twice, since millions of names do not fit into memory."""


def digest_of(name: str, salt: bytes) -> int:
    """Return the 64-bit digest of which the key of the domain table is a part."""
    return int.from_bytes(blake2s(salt + name.encode("ascii"), digest_size=KEY_BYTES).digest(), "big")


class Digests:
    """A set of digests, eight bytes each: call ``add``, then ``seal``, then test membership."""

    def __init__(self) -> None:
        self.parts = [array("Q") for _ in range(PARTS)]

    def add(self, digest: int) -> None:
        self.parts[digest >> 56].append(digest)

    def seal(self) -> None:
        """Sort the digests and drop duplicates."""
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
    """The remaining names of a category."""

    digests: Digests
    children: int = 0  # names left out because a parent is listed
    suffixes: dict[str, int] = field(default_factory=dict)  # public suffixes by how often they were listed


def prune(
    sources: Iterable[Names],
    salt: bytes,
    is_public_suffix: Callable[[str], bool],
    own: Iterable[Names] = (),
) -> Pruned:
    """Merge all sources and drop each name whose parent domain is listed too.

    ``own`` are sources in which a public suffix is intentional, such as that of a web proxy.
    """
    sources, own = tuple(sources), tuple(own)
    everything = Digests()
    pruned = Pruned(Digests())
    for names in own:
        for name in names():
            everything.add(digest_of(name, salt))
    for names in sources:
        for name in names():
            # A public suffix has few labels: checking only short names saves a million look-ups.
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
    """Yield every parent domain of at least two labels."""
    parent = name.partition(".")[2]
    while "." in parent:
        yield parent
        parent = parent.partition(".")[2]
