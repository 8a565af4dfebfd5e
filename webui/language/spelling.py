"""Compares names as people type them: in Cyrillic or Latin letters, by sound, or with one mistake.

"ютуб", "you tube" and "youtub" all find YouTube. No dictionary is needed: words are written in Latin letters
and compared by their consonants (as in Soundex, US patent 1,261,167).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import TypeVar

_KeyT = TypeVar("_KeyT", bound=Hashable)

SHORTEST_SOUND = 3  # consonants; fewer are common to many names and count as a mistake
SHORTEST_PREFIX = 4  # consonants of an unfinished word
SHORTEST_MISSPELLED = 4  # letters; in shorter words one mistake gives another word

_LATIN = str.maketrans(
    {
        "а": "a", "ә": "a", "б": "b", "в": "v", "г": "g", "ғ": "g", "д": "d", "е": "e", "ё": "e", "ж": "zh",
        "з": "z", "и": "i", "й": "y", "к": "k", "қ": "k", "л": "l", "м": "m", "н": "n", "ң": "n", "о": "o",
        "ө": "o", "п": "p", "р": "r", "с": "s", "т": "t", "у": "u", "ұ": "u", "ү": "u", "ф": "f", "х": "kh",
        "һ": "h", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "sh", "ъ": "", "ы": "y", "і": "i", "ь": "", "э": "e",
        "ю": "yu", "я": "ya",
    }
)  # fmt: skip
_WORD = re.compile(r"[^\W_]+")
# Different spellings of one sound, replaced in this order. The rest of a word is compared as it is.
_SOUNDS = (
    (re.compile(r"tch|ch|ck|kh|q"), "k"),
    (re.compile(r"c(?=[eiy])"), "s"),
    (re.compile(r"c"), "k"),
    (re.compile(r"ph"), "f"),
    (re.compile(r"x"), "ks"),
    (re.compile(r"w"), "v"),
    (re.compile(r"z|ts(?!$)"), "s"),
    (re.compile(r"(?<=.)y|[aeiouh]"), ""),
    (re.compile(r"(.)\1+"), r"\1"),
)


class NameMatch(IntEnum):
    """How well a text matches a search; the best match first."""

    EXACT = 0
    PREFIX = 1
    PART = 2
    SOUND = 3
    MISSPELLED = 4


def latin(text: str) -> str:
    """Return a text in lower-case Latin letters without accents. Cyrillic letters are transliterated."""
    decomposed = unicodedata.normalize("NFKD", text.casefold().translate(_LATIN))
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


def sound(word: str) -> str:
    """Return the consonants and digits of a word (in Latin letters), with one letter for similar sounds.

    Vowels and h are left out, also at the start; y stays only there. What then follows itself counts once.
    """
    for pattern, letters in _SOUNDS:
        word = pattern.sub(letters, word)
    return word


def one_mistake(word: str, other: str) -> bool:
    """Return whether two words are equal but for at most one mistake.

    A mistake is a missing, additional or wrong letter, or two neighbouring letters that are exchanged.
    """
    if abs(len(word) - len(other)) > 1:
        return False
    start = 0
    while start < min(len(word), len(other)) and word[start] == other[start]:
        start += 1
    rest, others = word[start:], other[start:]
    while rest and others and rest[-1] == others[-1]:
        rest, others = rest[:-1], others[:-1]
    return max(len(rest), len(others)) <= 1 or (len(rest) == 2 and rest == others[::-1])


@dataclass(frozen=True, slots=True)
class Query:
    """A person's search: its words, in Latin letters."""

    words: tuple[str, ...]

    @classmethod
    def of(cls, text: str) -> Query:
        return cls(tuple(_WORD.findall(latin(text))))

    def match(self, text: str) -> NameMatch | None:
        """Return how well a text matches all words of the search; None if not at all, or without words."""
        if not self.words:
            return None
        words = tuple(_WORD.findall(latin(text)))
        joined, whole = "".join(self.words), "".join(words)
        if joined == whole:
            return NameMatch.EXACT
        if whole.startswith(joined):
            return NameMatch.PREFIX
        found = [_best(wanted, words) for wanted in self.words]
        # Names are written in one word or in two: "TikTok", "тик ток".
        together = None if len(self.words) == len(words) == 1 else _best(joined, (whole,))
        apart = None if None in found else max(match for match in found if match is not None)
        return min((match for match in (apart, together) if match is not None), default=None)


def _best(wanted: str, words: tuple[str, ...]) -> NameMatch | None:
    if any(wanted in word for word in words):
        return NameMatch.PART
    heard = sound(wanted)
    sounds = [sound(word) for word in words]
    if len(heard) >= SHORTEST_SOUND and heard in sounds:
        return NameMatch.SOUND
    if len(heard) >= SHORTEST_PREFIX and any(other.startswith(heard) for other in sounds):
        return NameMatch.SOUND
    if len(wanted) >= SHORTEST_MISSPELLED and any(one_mistake(wanted, word) for word in words):
        return NameMatch.MISSPELLED
    return NameMatch.MISSPELLED if len(heard) == SHORTEST_SOUND - 1 and heard in sounds else None


def closest(query: Query, names: Mapping[_KeyT, str]) -> dict[_KeyT, NameMatch]:
    """Return the keys with names that match the search, with how well they match, the best first.

    If a name contains the search, names that only sound like it or differ by a mistake are left out. If none
    does but one sounds like it, those that differ by a mistake are left out.
    """
    found = {key: match for key, name in names.items() if (match := query.match(name)) is not None}
    worst = max(NameMatch.PART, min(found.values(), default=NameMatch.PART))
    kept = ((key, match) for key, match in found.items() if match <= worst)
    return dict(sorted(kept, key=lambda pair: (pair[1], names[pair[0]].casefold())))
