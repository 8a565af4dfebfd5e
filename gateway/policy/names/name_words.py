"""Recognises what a site is about by words in its name: `profiles/name_words.yaml` → NameWords.

Lists contain a part of all sites of a category, and new sites are in none. The format::

    words:
      adult:
        anywhere: [porn]          # in any label but the last
        begins: [searx]           # at the beginning of a label
        ends: [thots]             # at the end of a longer label
        label: [doh]              # a whole label
        site: [vpn]               # in the site's own label, `nordvpn` of www.nordvpn.com
        suffixes: [xxx]           # the last label
        but: [pornichet]          # texts that contain a word and mean something else
        combined:                 # for labels that consist of these words, digits and hyphens only
          sure: [tits]            # 3 points
          likely: [teens]         # 2
          possible: [girls, pics] # 1
          neutral: [best]         # 0
    open: [peta.xxx]              # sites that match, and are something else; with all names under them

A label of combined words counts from ENOUGH points: `best-teens-pics`, but not `best-girls`.

Names of governments, schools and armed forces are never matched: `vpn.school.edu` is the school's own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from gateway.policy.names.hosts import HostMap, PublicSuffixCheck, host_map, read_entries
from gateway.policy.yaml import fields
from gateway.policy.yaml.documents import parse_document
from gateway.policy.yaml.fields import Node

SHORTEST = 3  # characters of a word: the index has three of each
MAX_WORD = 30
SHORTEST_COMBINED, LONGEST_COMBINED = 1, 16  # characters
MAX_LABEL = 63  # characters; RFC 1035 2.3.4
ENOUGH = 3  # points
OFFICIAL = frozenset({"gov", "edu", "mil", "int"})  # top-level domains
OFFICIAL_IN_STATES = frozenset({"gov", "gob", "gouv", "govt", "go", "edu", "ac", "sch", "mil", "k12"})


class WordPlace(StrEnum):
    """The place in a host name in which a category's word counts.

    ANYWHERE: in any label but the last, as for all places. BEGINS: at the beginning of a label. ENDS: at the
    end of a longer label. LABEL: as a whole label. SITE: in the site's own label, such as `nordvpn` of
    www.nordvpn.com.
    """

    ANYWHERE = "anywhere"
    BEGINS = "begins"
    ENDS = "ends"
    LABEL = "label"
    SITE = "site"


class Weight(StrEnum):
    """The weight of a word in a combination of words, 0 to 3 points; see the module's description."""

    NEUTRAL = "neutral"
    POSSIBLE = "possible"
    LIKELY = "likely"
    SURE = "sure"

    @property
    def points(self) -> int:
        return tuple(Weight).index(self)


def is_official(host: str) -> bool:
    """Return True if a name is under a domain of governments, schools or armed forces, as edu or gov.kz.

    Also for names of international organisations under ``int``.
    """
    parts = host.rsplit(".", 2)
    if len(parts) < 2 or parts[-1] in OFFICIAL:
        return len(parts) > 1
    return len(parts) == 3 and len(parts[2]) == 2 and parts[1] in OFFICIAL_IN_STATES


@dataclass(frozen=True, slots=True)
class _Word:
    text: str
    place: WordPlace
    category: str
    exceptions: tuple[str, ...]


class CombinedWords:
    """Adds up the points of the words that a label consists of.

    The words with the same first letter are one text, ",girl=1,girls=1,": a dict of all words takes 80 kB.
    """

    def __init__(self, points: Mapping[str, int]) -> None:
        """Index the words. ``points``: points of each word, 0 to 9."""
        texts: dict[str, str] = {}
        for word, count in points.items():
            texts[word[0]] = f"{texts.get(word[0], ',')}{word}={count},"
        self._texts = texts

    def total(self, label: str) -> int:
        """Return the most points that the words of a label have; 0 if other letters are left over.

        Digits and hyphens may stand between the words. A label that is a single word has no points, and a
        word directly after the same word has none.
        """
        length = len(label)
        best = [-1] * (length + 1)  # the most points of the first characters; -1: they are not all words
        best[0] = 0
        for at in range(length):
            if best[at] < 0:
                continue
            if not label[at].isalpha():
                best[at + 1] = max(best[at + 1], best[at])
            words = self._texts.get(label[at], "")
            for end in range(at + 1, min(at + LONGEST_COMBINED, length) + 1):
                start = f",{label[at:end]}"
                if (found := words.find(start)) < 0:
                    break  # no word begins like this
                if end - at < length and (found := words.find(f"{start}=", found)) >= 0:
                    again = label.endswith(label[at:end], 0, at)
                    points = 0 if again else int(words[found + len(start) + 1])
                    best[end] = max(best[end], best[at] + points)
        return max(best[length], 0)


class NameWords:
    """Finds the categories of a host by words in its name."""

    def __init__(
        self,
        words: Iterable[_Word] = (),
        suffixes: Mapping[str, str] | None = None,
        opened: Iterable[str] = (),
        combined: Mapping[str, Mapping[str, int]] | None = None,
    ) -> None:
        """Index the words. ``suffixes``: last label → category. ``opened``: names that are never matched.

        ``combined``: category → points of each word that counts together with others.
        """
        index: dict[str, list[_Word]] = {}
        for word in words:
            index.setdefault(word.text[:SHORTEST], []).append(word)
        self._index = {key: tuple(found) for key, found in index.items()}
        self._suffixes = dict(suffixes or {})
        self._open: HostMap[bool] = host_map((name, True) for name in opened)
        self._combined = {category: CombinedWords(points) for category, points in (combined or {}).items()}

    def categories(self, host: str) -> frozenset[str]:
        """Return the ids of the categories with words in ``host``, which is in normal form."""
        found = [category for _, category in self._hits(host)]
        return frozenset(found) if found and host not in self._open else frozenset()

    def matches(self, host: str) -> tuple[tuple[str, frozenset[str]], ...]:
        """Return the parts of ``host`` that begin with a label with a category's word, the longest first.

        If the last label is such a word, the part begins one label before it. Each part has the ids of its
        categories. ``host`` is in normal form.
        """
        found: dict[str, frozenset[str]] = {}
        if host not in self._open:
            for at, category in self._hits(host):
                name = host[host.rfind(".", 0, at) + 1 :]
                found[name] = found.get(name, frozenset()) | {category}
        return tuple(sorted(found.items(), key=lambda pair: -len(pair[0])))

    def _hits(self, host: str) -> Iterator[tuple[int, str]]:
        """Yield the positions of matching words in a host name, each with the word's category.

        Names of governments, schools and armed forces match no word.
        """
        end = host.rfind(".")
        if end < 0 or is_official(host):
            return
        if category := self._suffixes.get(host[end + 1 :]):
            yield end - 1, category
        index = self._index
        for at in range(end - SHORTEST + 1):
            begin = host[at : at + SHORTEST]
            if begin not in index:
                continue
            for word in index[begin]:
                if host.startswith(word.text, at, end) and _counts(word, host, at):
                    yield at, word.category
        yield from self._combinations(host, end)

    def _combinations(self, host: str, end: int) -> Iterator[tuple[int, str]]:
        """Yield the positions of the labels before ``end`` whose combined words have ENOUGH points.

        Each is yielded with the category.
        """
        if not self._combined:
            return
        at = 0
        for label in host[:end].split("."):
            if len(label) <= MAX_LABEL:
                for category, words in self._combined.items():
                    if words.total(label) >= ENOUGH:
                        yield at, category
            at += len(label) + 1


def _counts(word: _Word, host: str, at: int) -> bool:
    """Return True if a word that ``host`` contains at a position is in a place where it counts."""
    after = at + len(word.text)
    begins = at == 0 or host[at - 1] == "."
    if word.place is WordPlace.BEGINS and not begins:
        return False
    if word.place is WordPlace.ENDS and (begins or host[after] != "."):
        return False
    if word.place is WordPlace.LABEL and not (begins and host[after] == "."):
        return False
    if word.place is WordPlace.SITE and not _is_in_site_label(host, at):
        return False
    return not any(_covers(text, host, at, after) for text in word.exceptions)


def _is_in_site_label(host: str, at: int) -> bool:
    """Return True if a position is in the label before the public suffix, as far as its form shows.

    The last label is treated as a public suffix. So are the last two labels if the first of them has at most
    three characters and the second has two, as in ``co.uk``.
    """
    labels = host[at:].count(".")
    if labels == 1:
        return True
    *_, second, last = host.rsplit(".", 2)
    return labels == 2 and len(last) == 2 and len(second) <= 3


def _covers(text: str, host: str, start: int, end: int) -> bool:
    """Return True if ``host`` contains ``text`` so that it includes the characters ``start`` to ``end``."""
    at = host.find(text, max(0, end - len(text)))
    return 0 <= at <= start


def parse_name_words(
    source: str | bytes, file: str, categories: Collection[str], is_public_suffix: PublicSuffixCheck
) -> NameWords:
    """Return the words in the text of `name_words.yaml`.

    Raises PolicyError with file, line, key and fix if it is invalid.
    """
    top = fields.Fields(parse_document(source, file), ("words", "open"))
    words: list[_Word] = []
    suffixes: dict[str, str] = {}
    combined: dict[str, dict[str, int]] = {}
    places = tuple(WordPlace)
    for category, place, node in fields.pairs(top.need("words")):
        if category not in categories:
            place.refuse(
                f"{fields.shown(category)} is not a category", fields.suggestion(category, categories)
            )
        part = fields.Fields(fields.mapping(node), (*places, "suffixes", "but", "combined"))
        but = part.read("but", _words, default=())
        for where in places:
            words += [
                _Word(text, where, category, tuple(other for other in but if text in other))
                for text in part.read(where, _words, default=())
            ]
        suffixes |= dict.fromkeys(part.read("suffixes", _words, default=()), category)
        if points := part.read("combined", _points, default=None):
            combined[category] = points
    opened = top.read("open", lambda node: read_entries(node, is_public_suffix), default=())
    return NameWords(words, suffixes, opened, combined)


def _words(node: Node) -> tuple[str, ...]:
    return _texts(node, SHORTEST, MAX_WORD)


def _points(node: Node) -> dict[str, int]:
    """Return the points of each combined word."""
    part = fields.Fields(fields.mapping(node), tuple(Weight))
    points: dict[str, int] = {}
    for weight in Weight:
        for word in part.read(weight, _combined_words, default=()):
            if word in points:
                node.place.refuse(f"{fields.shown(word)} is listed twice", "keep it once")
            points[word] = weight.points
    return points


def _combined_words(node: Node) -> tuple[str, ...]:
    return _texts(node, SHORTEST_COMBINED, LONGEST_COMBINED)


def _texts(node: Node, shortest: int, longest: int) -> tuple[str, ...]:
    for item in fields.items(node):
        text = fields.text(item)
        if not shortest <= len(text) <= longest or text != text.lower() or not text.isascii():
            item.place.refuse("is not a word", f"use {shortest} to {longest} lower-case ASCII characters")
    return fields.texts(node)
