"""A language that nobody speaks: every letter accented, each text 40 % longer, brackets around it.

What is plain English on a page in it does not come from the catalogue; what has lost a bracket was cut short.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from gettext import NullTranslations
from html.parser import HTMLParser
from typing import Any

from flask import Flask

from gateway.control.protocol import ControlRequest
from gateway.control.schema import is_record, values_of
from gateway.policy.config.dns_providers import PROVIDERS
from tests.webui.standin.handlers import Handler
from webui.features.trusted_name.trusted_name_pages import EXAMPLE
from webui.language import clues
from webui.language.i18n import Languages

LONGER = 1.4
CODE = "en-XA"  # left to right
MIRRORED = "ar-XB"  # right to left

_ACCENTED = str.maketrans(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "áƀćđéƒǵħíĵķĺɱńóṕǫŕśťúṽẃẋýźÁƁĆĐÉƑǴĦÍĴĶĹṀŃÓṔǪŔŚŤÚṼẂẊÝŹ",
)
_KEPT = re.compile(r"(%\(\w+\)[sd]|%%|\{\w+\}|<[^>]+>|&\w+;)")
_LIST = re.compile(r"\w+(,\w+)+")
_PADDING = "óńé ťẃó ťħŕéé ƒóúŕ ƒíṽé śíẋ śéṽéń éíǵħť ńíńé ťéń "

OPEN, CLOSE = "⟦", "⟧"


def accented(text: str) -> str:
    if _LIST.fullmatch(text):  # words that the code takes apart
        return ",".join(accented(one) for one in text.split(","))
    if not re.search("[A-Za-z]", _KEPT.sub("", text)):
        return text
    said = "".join(part if _KEPT.fullmatch(part) else part.translate(_ACCENTED) for part in _KEPT.split(text))
    more = round(len(_KEPT.sub("", text)) * (LONGER - 1))
    padding = (_PADDING * (more // len(_PADDING) + 1))[:more].rstrip()
    begin, end = len(said) - len(said.lstrip()), len(said.rstrip())
    return f"{said[:begin]}{OPEN}{said[begin:end]} {padding}{CLOSE}{said[end:]}"


class Pseudo(NullTranslations):
    def gettext(self, message: str) -> str:
        return accented(message)

    def pgettext(self, context: str, message: str) -> str:
        return accented(message)

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return accented(msgid1 if n == 1 else msgid2)

    def npgettext(self, context: str, msgid1: str, msgid2: str, n: int) -> str:
        return accented(msgid1 if n == 1 else msgid2)


def teach(app: Flask) -> None:
    known = app.extensions["qalqan-languages"]
    assert isinstance(known, Languages)
    known.catalogues.update({CODE: Pseudo(), MIRRORED: Pseudo()})


# Sentences of the daemon's, for the command line: the pages have words of their own for them.
_SENTENCES = frozenset({"sentence", "problems"})
_TRANSLATED = ("category:", "group:", "window:", "internet", "play", "bedtime", "device", "ways:")


# The same in every language: an address as one would type it, ends of files, systems, protocols and services.
DATA = (
    *("Telegram", "Home Assistant", "Matrix", "Pushover"),
    *("example.com", "yaml", "ntfy.sh", "of-later", "Android", "Windows", "Linux", *clues.PROTOCOLS),
    *(provider.title for provider in PROVIDERS.values()), *EXAMPLE.values(),
)  # fmt: skip


class Heard:
    """The words that came from the daemon as names: of people, devices, sites, what somebody wrote."""

    def __init__(self) -> None:
        self.words = {"Qalqan", "qalqan", "home", "arpa", *words(" ".join(DATA))}

    def listening(self, verbs: Mapping[str, Handler]) -> dict[str, Handler]:
        return {name: self._noting(verb) for name, verb in verbs.items()}

    def _noting(self, verb: Handler) -> Handler:
        def noting(request: ControlRequest) -> Any:
            answer = verb(request)
            self.note(answer)
            return answer

        return noting

    def note(self, answer: object) -> None:
        if is_record(answer):
            answer = values_of(answer)
        if isinstance(answer, str):
            self.words.update(words(answer))
        elif isinstance(answer, Mapping):
            for key, value in answer.items():
                if key not in _SENTENCES and not (key == "name" and _is_translated(answer)):
                    self.note(value)
        elif isinstance(answer, (list, tuple)):
            for value in answer:
                self.note(value)


def _is_translated(answer: Mapping[str, object]) -> bool:
    about = (answer.get(key) for key in ("target", "gate", "what"))
    return any(isinstance(one, str) and one.startswith(_TRANSLATED) for one in about)


def words(text: str) -> list[str]:
    """Of two letters at least, a small one among them: codes and units of measure are none."""
    text = re.sub(r"https?://\S+", "", text)  # an address is the same in every language
    return re.findall(r"[A-Z]+[a-z][A-Za-z]*|[a-z][A-Za-z]+", text)


class _Seen(HTMLParser):
    """The texts of a page, those that are only read aloud too; not what is marked as of another language."""

    TOLD = ("aria-label", "title", "placeholder", "alt")
    VOID = frozenset({"meta", "link", "input", "br", "hr", "img", "path", "circle", "rect"})

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._open: list[bool] = []  # whether what is inside is left out
        self.head = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "html":
            self.head = f"{given.get('lang')} {given.get('dir')}"
        elif not self._hidden():
            self.texts += [given[key] or "" for key in self.TOLD if key in given]
        if tag not in self.VOID:
            other = tag != "html" and given.get("lang") is not None
            self._open.append(self._hidden() or other or tag in ("code", "script", "style"))

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        if data.strip() and not self._hidden():
            self.texts.append(" ".join(data.split()))

    def _hidden(self) -> bool:
        return bool(self._open) and self._open[-1]


def faults(html: str, heard: set[str]) -> list[str]:
    """English that is not of the catalogue, and texts that were cut, one line each."""
    seen = _Seen()
    seen.feed(html)
    found = [fault for text in seen.texts for fault in _alien(text, heard)]
    return [*found, *_cut(seen.texts)]


def _alien(text: str, heard: set[str]) -> Iterator[str]:
    alien = [word for word in words(text) if word not in heard]
    if alien:
        yield f"not of the catalogue: {' '.join(alien)}: {text}"


def _cut(texts: list[str]) -> Iterator[str]:
    """A message may have elements in it, and so be several texts: it is whole where its brackets meet."""
    depth, text = 0, ""
    for text in texts:
        for one in text:
            depth += (one == OPEN) - (one == CLOSE)
        if depth < 0 or (depth and "…" in text):
            break
    if depth:
        yield f"cut short: {text}"


def head(html: str) -> str:
    seen = _Seen()
    seen.feed(html)
    return seen.head
