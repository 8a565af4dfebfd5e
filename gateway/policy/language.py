"""The language of a sentence: the daemon and the command line write English, the pages pass their catalogue.

A function that makes a sentence for both takes a `Language`. Its messages are in the catalogues of the pages:
`tests/words/catalogues.py` reads this package, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class Gettext(Protocol):
    def __call__(self, message: str, /, **values: object) -> str: ...


class Ngettext(Protocol):
    """Chooses the form for ``number``, which the message calls ``%(num)d``."""

    def __call__(self, one: str, many: str, number: int, /, **values: object) -> str: ...


@dataclass(frozen=True, slots=True)
class Language:
    gettext: Gettext
    ngettext: Ngettext


def _gettext(message: str, /, **values: object) -> str:
    return message % values if values else message


def _ngettext(one: str, many: str, number: int, /, **values: object) -> str:
    return (one if number == 1 else many) % {"num": number, **values}


ENGLISH = Language(_gettext, _ngettext)
