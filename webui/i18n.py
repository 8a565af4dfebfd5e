"""Languages: stdlib gettext, one catalogue a language, English in the code.

``translations/<language>/LC_MESSAGES/webui.mo``; where there is none, the words in the code are shown.
"""

from __future__ import annotations

from collections.abc import Container
from gettext import GNUTranslations, NullTranslations
from pathlib import Path

from flask import Flask, g, has_request_context, request

DOMAIN = "webui"
SOURCE_LANGUAGE = "en"

Catalogues = dict[str, NullTranslations]


def load_catalogues(folder: Path) -> Catalogues:
    catalogues: Catalogues = {SOURCE_LANGUAGE: NullTranslations()}
    for path in sorted(folder.glob(f"*/LC_MESSAGES/{DOMAIN}.mo")):
        with path.open("rb") as file:
            catalogues[path.parts[-3]] = GNUTranslations(file)
    return catalogues


def language() -> str:
    """The best of ours for the browser that asks."""
    return str(g.get("language", SOURCE_LANGUAGE)) if has_request_context() else SOURCE_LANGUAGE


def spoken(among: Container[str]) -> str:
    """The best of these for the browser that asks, whatever the pages are in: so are its device's menus."""
    for wanted, quality in request.accept_languages if has_request_context() else ():
        language = wanted.partition("-")[0].lower()
        if quality > 0 and language in among:
            return language
    return SOURCE_LANGUAGE


def gettext(message: str, **values: object) -> str:
    text = _catalogue().gettext(message)
    return text % values if values else text


def ngettext(one: str, many: str, number: int, **values: object) -> str:
    return _catalogue().ngettext(one, many, number) % {"num": number, **values}


def _catalogue() -> NullTranslations:
    return g.catalogue if has_request_context() and "catalogue" in g else NullTranslations()


def install(app: Flask, catalogues: Catalogues) -> None:
    app.jinja_env.add_extension("jinja2.ext.i18n")
    environment = app.jinja_env
    environment.install_gettext_callables(  # type: ignore[attr-defined]
        lambda message: _catalogue().gettext(message),
        lambda one, many, number: _catalogue().ngettext(one, many, number),
        newstyle=True,
    )

    @app.before_request
    def choose() -> None:
        g.language = spoken(catalogues)
        g.catalogue = catalogues[g.language]

    app.jinja_env.globals["language"] = language
