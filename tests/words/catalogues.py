"""Extract, update and compile, by Babel. Nothing of it is needed where Qalqan runs: .mo files are kept."""

from __future__ import annotations

import re
from collections.abc import Iterator
from gettext import GNUTranslations
from io import BytesIO
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from gateway.core.reason_codes import Code
from gateway.policy.judge.explanation import ENGLISH
from webui.language.i18n import DOMAIN, OWN_NAMES, SOURCE_LANGUAGE
from webui.language.telling import DECISION

ROOT = Path(__file__).parents[2]
WEBUI = ROOT / "webui"
# Where the daemon and the command line make sentences that the pages show, too.
SHARED = (ROOT / "gateway/policy", ROOT / "gateway/filter_test/titles.py")
FOLDER = WEBUI / "translations"
TEMPLATE = FOLDER / f"{DOMAIN}.pot"
LANGUAGES = tuple(code for code in OWN_NAMES if code != SOURCE_LANGUAGE)
WIDTH = 100  # of a line

COMMENT = "Translators:"
KEYWORDS: dict[str, Any] = {
    "_": None,
    "gettext": None,
    "ngettext": (1, 2),
    "pgettext": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
}
OPTIONS = {"newstyle_gettext": "true", "trim_blocks": "true", "lstrip_blocks": "true", "silent": "false"}

# What stands at the head of each catalogue: who corrects it reads this first.
HEADS = {
    "ru": "Russian of Qalqan's pages.",
    "kk": "Kazakh of Qalqan's pages.",
}
HEAD = """{about}
No native reader has checked it yet. docs/developers/translations.md says how to do that.
Parents are told "{parent}", children "{child}". Names stand as they are, in no case. {brace} and %(so)s
stay as they are; they may change places."""
ADDRESS = {"ru": ("вы", "ты"), "kk": ("сіз", "сен")}

# What each of the daemon's sentences is built of.
PARTS = (
    (
        "{until}",
        "{until} is nothing, or the entry ' until {when}'. Translate so that it reads well both ways.",
    ),
    ("{kind}", "{kind} is a kind of sites ('Gambling'), or in what is told of a limit ' for {name}'."),
    ("{spent}", '{spent} is one of the entries such as "today\'s hour{kind} is used".'),
    ("{what}", "{what} is a service, a site, or 'The internet'."),
)
LISTS = {
    "weekdays": "Seven words between commas, Monday first, in the form that 'until' and 'set this' need.",
    "months": "Twelve words between commas, in the form that a day of the month needs.",
}


def code() -> Catalog:
    """What the code says now."""
    catalogue = Catalog(
        project="Qalqan", charset="utf-8", fuzzy=False, header_comment="# The English of Qalqan's pages."
    )
    for path, line, message, comments, context in sorted(
        (*_of_files(), *_of_errors(), *_of_decisions()), key=lambda one: (one[0], one[1])
    ):
        catalogue.add(message, None, [(path, line)], auto_comments=comments, context=context)
    return catalogue


Found = tuple[str, int, Any, list[str], "str | None"]


def _of_files() -> Iterator[Found]:
    shared = (file for path in SHARED for file in ([path] if path.is_file() else path.rglob("*.py")))
    for path in sorted((*WEBUI.rglob("*"), *shared)):
        method = {".py": "python", ".html": "jinja2.ext:babel_extract"}.get(path.suffix)
        if method is None:
            continue
        with path.open("rb") as file:
            found = extract(method, file, KEYWORDS, (COMMENT,), OPTIONS, strip_comment_tags=True)
            name = path.relative_to(ROOT).as_posix()
            for line, message, comments, context in found:
                yield name, line, message, list(comments), context


def _of_errors() -> Iterator[Found]:
    """The sentences of the daemon's error codes, which the pages translate."""
    for number, code in enumerate(Code, 1):
        if code.sentence:
            yield "gateway/core/reason_codes.py", number, code.sentence, [], None


def _of_decisions() -> Iterator[Found]:
    """The daemon's sentences stand in one table: gateway/policy/judge/explanation.py."""
    for number, (key, text) in enumerate(ENGLISH.items(), 1):
        comments = [told for part, told in PARTS if part in text]
        comments += [LISTS[key]] if key in LISTS else []
        yield "gateway/policy/judge/explanation.py", number, text, comments, DECISION


def template() -> bytes:
    """The .pot: without a date, so that it changes with the words alone; by file, without lines."""
    return _written(code())


def updated(language: str) -> Catalog:
    """The kept translations of what the code says; what it says no more is left out, what is new is empty."""
    path = po(language)
    kept = read(language) if path.exists() else Catalog(locale=language)
    fresh = Catalog(locale=language, project="Qalqan", charset="utf-8", fuzzy=False)
    parent, child = ADDRESS[language]
    fresh.header_comment = "\n".join(
        f"# {line}"
        for line in HEAD.format(about=HEADS[language], parent=parent, child=child, brace="{so}").splitlines()
    )
    for message in code():
        if message.id:
            old = kept.get(message.id, message.context)
            fresh.add(
                message.id,
                old.string if old is not None else None,
                message.locations,
                auto_comments=message.auto_comments,
                user_comments=old.user_comments if old is not None else (),
                context=message.context,
            )
    return fresh


def po(language: str) -> Path:
    return FOLDER / language / "LC_MESSAGES" / f"{DOMAIN}.po"


def mo(language: str) -> Path:
    return po(language).with_suffix(".mo")


def texts(compiled: bytes) -> dict[object, str]:
    """What a .mo file says, without its head, which has a date and a version of the tool in it."""
    found = dict(GNUTranslations(BytesIO(compiled))._catalog)  # type: ignore[attr-defined]
    found.pop("", None)
    return found


def read(language: str) -> Catalog:
    with po(language).open("rb") as file:
        return read_po(file, locale=language)


def compiled(language: str) -> bytes:
    file = BytesIO()
    write_mo(file, read(language))
    return file.getvalue()


def update(language: str) -> None:
    path = po(language)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(_written(updated(language)))
    if texts(compiled(language)) != (texts(mo(language).read_bytes()) if mo(language).exists() else None):
        mo(language).write_bytes(compiled(language))


_IDLE = re.compile(
    rb'"(?:Project-Id-Version|Report-Msgid-Bugs-To|POT-Creation-Date|PO-Revision-Date|Last-Translator'
    rb"|Language-Team|Generated-By): .*\n"
)


def _written(catalogue: Catalog) -> bytes:
    file = BytesIO()
    write_po(file, catalogue, width=WIDTH, include_lineno=False, ignore_obsolete=True)
    # Dates, addresses and the tool's version say nothing of the words, or differ each time.
    return _IDLE.sub(b"", file.getvalue())


_NAMED = re.compile(r"%\(\w+\)[sd]|\{\w+\}|%(?![(%])|</?\w+[^>]*>")


def faults(language: str) -> list[str]:
    """What a person has to correct in a catalogue, one line each."""
    return [
        f"{_shown(message)}: {fault}"
        for message in read(language)
        if message.id
        for fault in _faults(message, read_plurals(language))
    ]


def read_plurals(language: str) -> int:
    return int(Catalog(locale=language).num_plurals)


def _faults(message: Message, plurals: int) -> Iterator[str]:
    texts, ids = _forms(message.string), _forms(message.id)
    if message.fuzzy:
        yield "is fuzzy"
    if not all(texts):
        yield "is not translated"
        return
    if len(ids) > 1 and len(texts) != plurals:
        yield f"has {len(texts)} plural forms, not {plurals}"
    wanted = set(_NAMED.findall(ids[-1]))
    for text in texts:
        found = set(_NAMED.findall(text))
        # A form for one alone may do without its number.
        optional = {"%(num)d", "%(num)s", "%(count)s"} if len(ids) > 1 else set()
        if wanted - found - optional or found - wanted:
            yield f"holds {sorted(found)}, the English {sorted(wanted)}"
        if (ids[-1][0].isspace(), ids[-1][-1].isspace()) != (text[0].isspace(), text[-1].isspace()):
            yield "begins or ends with another space"


def _forms(text: Any) -> tuple[str, ...]:
    """One, or those of a plural."""
    return tuple(text) if isinstance(text, (list, tuple)) else (text or "",)


def _shown(message: Message) -> str:
    text = _forms(message.id)[-1]
    return f"{message.context}: {text}" if message.context else text
