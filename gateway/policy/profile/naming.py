"""A person's name → the id of their profile: ASCII, short, and unique."""

from __future__ import annotations

from collections.abc import Collection

from gateway.policy.profile.profile import TAKEN

MAX_STEM = 32  # characters; an id has 40 at most, and a number may follow
FALLBACK = "child"  # for a name without a letter that has an ASCII form

# Russian and Kazakh. Other letters lose their diacritics.
_LETTERS = str.maketrans(
    {
        "а": "a", "ә": "a", "б": "b", "в": "v", "г": "g", "ғ": "g", "д": "d", "е": "e", "ё": "yo",
        "ж": "zh", "з": "z", "и": "i", "й": "y", "к": "k", "қ": "q", "л": "l", "м": "m", "н": "n", "ң": "n",
        "о": "o", "ө": "o", "п": "p", "р": "r", "с": "s", "т": "t", "у": "u", "ұ": "u", "ү": "u", "ф": "f",
        "х": "kh", "һ": "h", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "shch", "ъ": "", "ы": "y", "і": "i",
        "ь": "", "э": "e", "ю": "yu", "я": "ya", "ß": "ss", "ı": "i", "ł": "l", "ø": "o", "æ": "ae",
        "œ": "oe", "đ": "d", "þ": "th",
    }
)  # fmt: skip


def id_of(name: str, taken: Collection[str]) -> str:
    """Return an id that is not in ``taken``, ignoring case: ``aruzhan``, ``aruzhan-2``, ``child-2``."""
    used = {known.casefold() for known in (*taken, *TAKEN)}
    stem = _ascii(name)
    number = 2 if stem in used else 1
    if not stem:
        stem, number = FALLBACK, 2 if FALLBACK in used else 1
    while True:
        found = stem if number == 1 else f"{stem}-{number}"
        if found not in used:
            return found
        number += 1


def _ascii(name: str) -> str:
    import unicodedata  # 1 MB; needed only for a new profile

    spelt = unicodedata.normalize("NFC", name).casefold().translate(_LETTERS)
    plain = unicodedata.normalize("NFKD", spelt).encode("ascii", "ignore").decode()
    words = "".join(char if char.isalnum() else " " for char in plain).split()
    return "-".join(words)[:MAX_STEM].strip("-")
