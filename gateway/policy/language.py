"""The language of a sentence: the daemon and the command line write English, the pages pass their catalogue.

A function that makes a sentence for both takes a `Language`. Its messages are in the catalogues of the pages:
`SHARED` of `tests/words/catalogues.py` lists where they are besides this package.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class Gettext(Protocol):
    """Translates a message and inserts ``values``; without values it leaves each ``%`` as it is."""

    def __call__(self, message: str, /, **values: object) -> str: ...


class Ngettext(Protocol):
    """Translates a message with a number: one form for each plural. The message contains ``%(num)d``."""

    def __call__(self, one: str, many: str, number: int, /, **values: object) -> str: ...


class Pgettext(Protocol):
    """Translates a message. ``context`` distinguishes two messages with the same words."""

    def __call__(self, context: str, message: str, /, **values: object) -> str: ...


@dataclass(frozen=True, slots=True)
class Language:
    gettext: Gettext
    ngettext: Ngettext
    pgettext: Pgettext


def _gettext(message: str, /, **values: object) -> str:
    return message % values if values else message


def _ngettext(one: str, many: str, number: int, /, **values: object) -> str:
    return (one if number == 1 else many) % {"num": number, **values}


def _pgettext(_context: str, message: str, /, **values: object) -> str:
    return _gettext(message, **values)


ENGLISH = Language(_gettext, _ngettext, _pgettext)
