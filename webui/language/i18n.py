"""Languages: stdlib gettext, one catalogue for each language, English in the code.

Catalogues are ``translations/<language>/LC_MESSAGES/webui.mo``; without one, the messages of the code are
shown. The language of a page is the browser's choice in the menu below every page, else the browser's
preference, else the family's, else English.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from gettext import NullTranslations
from pathlib import Path

from flask import Flask, current_app, g, has_request_context, request

from gateway.policy.language import Language
from webui.cookies import TRUSTED
from webui.language.mo_file import MoFile

DOMAIN = "webui"
SOURCE_LANGUAGE = "en"
OWN_NAMES: Mapping[str, str] = {"en": "English", "kk": "Қазақша", "ru": "Русский"}  # in the menu's order
COOKIE = "qalqan-language"
READ_BY_NATIVES = frozenset(
    {SOURCE_LANGUAGE}
)  # languages with a catalogue that a native reader has checked (docs/developers/translations.md)
RIGHT_TO_LEFT = frozenset({"ar", "fa", "he", "ps", "ug", "ur", "yi"})

Catalogues = dict[str, NullTranslations]


@dataclass(slots=True)
class Languages:
    """The message catalogues of the pages, by language code.

    ``family``: the family's language, for browsers that prefer none of these.
    """

    catalogues: Catalogues
    family: str = ""
    built: dict[tuple[str, str], Mapping[str, str]] = field(default_factory=dict)  # by language and name


class _Late(NullTranslations):
    """A message catalogue that opens its file when a message is first looked up."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    @cached_property
    def _known(self) -> MoFile:
        return MoFile(self._path)

    def gettext(self, message: str) -> str:
        return self._known.gettext(message)

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return self._known.ngettext(msgid1, msgid2, n)

    def pgettext(self, context: str, message: str) -> str:
        return self._known.pgettext(context, message)

    def npgettext(self, context: str, msgid1: str, msgid2: str, n: int) -> str:
        return self._known.npgettext(context, msgid1, msgid2, n)


def load_catalogues(folder: Path) -> Catalogues:
    catalogues: Catalogues = {SOURCE_LANGUAGE: NullTranslations()}
    for path in sorted(folder.glob(f"*/LC_MESSAGES/{DOMAIN}.mo")):
        catalogues[path.parts[-3]] = _Late(path)
    return catalogues


def languages() -> Languages:
    found = current_app.extensions["qalqan-languages"]
    assert isinstance(found, Languages)
    return found


def language() -> str:
    """Return the language code of the page that is being made; English outside of a request."""
    return str(g.get("language", SOURCE_LANGUAGE)) if has_request_context() else SOURCE_LANGUAGE


def is_source() -> bool:
    """Return whether the page is in English. It may then show the daemon's own English text."""
    return language() == SOURCE_LANGUAGE


def read_by_native() -> bool:
    """Return whether a native speaker has checked the translations in the page's language.

    The texts of `webui.learn` have a note of their own.
    """
    return language() in READ_BY_NATIVES


def direction() -> str:
    return "rtl" if language().partition("-")[0] in RIGHT_TO_LEFT else "ltr"


def set_family_language(code: str) -> None:
    """Set the language for browsers that prefer no available one, from the next page on.

    Empty: none. An unknown language code is ignored.
    """
    if not code or code in languages().catalogues:
        languages().family = code


def menu() -> list[tuple[str, str]]:
    """Return the available languages for the menu, each as its code and its own name."""
    catalogues = languages().catalogues
    return [(code, name) for code, name in OWN_NAMES.items() if code in catalogues]


def spoken(among: Container[str]) -> str:
    """Return the language code in ``among`` that the browser prefers most, or else English.

    It need not be a page's language: it is used for names in the menus of the browser's device.
    """
    return _wanted(among) or SOURCE_LANGUAGE


def _wanted(among: Container[str]) -> str:
    for wanted, quality in request.accept_languages if has_request_context() else ():
        language = wanted.partition("-")[0].lower()
        if quality > 0 and language in among:
            return language
    return ""


def cookie() -> str:
    """Return the name of the cookie for the language chosen in this browser. Over HTTPS it has a prefix."""
    return f"{TRUSTED}{COOKIE}" if request.is_secure else COOKIE


def _chosen(known: Languages) -> str:
    picked = "" if "Authorization" in request.headers else request.cookies.get(cookie(), "")
    found = picked if picked in known.catalogues else _wanted(known.catalogues)
    return found or (known.family if known.family in known.catalogues else SOURCE_LANGUAGE)


class Sentence(str):
    """A translated text with its untranslated message, so that `stored` can keep it for other languages.

    ``many`` and ``number``: of a message with a plural.
    """

    __slots__ = ("many", "message", "number", "values")
    message: str
    values: Mapping[str, object]
    many: str
    number: int


def _sentence(text: str, message: str, values: Mapping[str, object], many: str = "", number: int = 0) -> str:
    found = Sentence(text)
    found.message, found.values, found.many, found.number = message, values, many, number
    return found


def stored(text: object) -> object:
    """Return a translated text as JSON, which `restored` translates into another reader's language.

    Integers, and texts that were not translated here, stay as they are.
    """
    if not isinstance(text, Sentence):
        return text if isinstance(text, int) else str(text)
    values = {key: stored(value) for key, value in text.values.items()}
    return [text.message, text.many, text.number, values] if text.many else [text.message, values]


def restored(text: object) -> str:
    """Return text from the JSON of `stored`, in the language of the page."""
    match text:
        case [str(message), dict(values)]:
            return gettext(message, **_restored_values(values))
        case [str(one), str(many), int(number), dict(values)]:
            return ngettext(one, many, number, **_restored_values(values))
        case _:
            return str(text)


def _restored_values(values: dict[str, object]) -> dict[str, object]:
    return {key: value if isinstance(value, int) else restored(value) for key, value in values.items()}


def gettext(message: str, /, **values: object) -> str:
    text = _catalogue().gettext(message)
    return _sentence(text % values if values else text, message, values)


def pgettext(context: str, message: str, /, **values: object) -> str:
    """Return the translation of a message, with ``values`` filled in.

    ``context`` distinguishes two uses of the same words.
    """
    text = _catalogue().pgettext(context, message)
    return text % values if values else text


def ngettext(one: str, many: str, number: int, /, **values: object) -> str:
    text = _catalogue().ngettext(one, many, number) % {"num": number, **values}
    return _sentence(text, one, values, many, number)


READER = Language(gettext, ngettext, pgettext)  # of this page


def _catalogue() -> NullTranslations:
    return g.catalogue if has_request_context() and "catalogue" in g else NullTranslations()


def install(app: Flask, catalogues: Catalogues, family: str = "") -> None:
    app.extensions["qalqan-languages"] = Languages(catalogues, family)
    app.jinja_env.add_extension("jinja2.ext.i18n")
    environment = app.jinja_env
    environment.install_gettext_callables(  # type: ignore[attr-defined]
        lambda message: _catalogue().gettext(message),
        lambda one, many, number: _catalogue().ngettext(one, many, number),
        newstyle=True,
        pgettext=lambda context, message: _catalogue().pgettext(context, message),
        npgettext=lambda context, one, many, number: _catalogue().npgettext(context, one, many, number),
    )

    @app.before_request
    def choose() -> None:
        known = languages()
        g.language = _chosen(known)
        g.catalogue = known.catalogues[g.language]

    app.jinja_env.globals.update(
        language=language, direction=direction, languages=menu, read_by_native=read_by_native
    )
