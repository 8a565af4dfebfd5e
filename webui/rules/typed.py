"""Reads typed input that names a site, a service or a category, as an entry of a rule."""

from __future__ import annotations

from urllib.parse import urlsplit

from gateway.policy.names import hosts
from webui.language.i18n import gettext as _
from webui.language.words import plain
from webui.rules.catalogue import CatalogueIndex

TYPED_LIMIT = 2000  # characters; more than the longest web addresses in use


class UnknownTargetError(ValueError):
    """Raised for typed text that names no site, service or category.

    ``str()`` is the message for the user.
    """


def site(text: str) -> str:
    """Return the host name in a typed address.

    ``https://m.example.com/a?b`` → ``m.example.com``. Raises UnknownTargetError if there is no name with a
    dot.
    """
    word = text.strip()[:TYPED_LIMIT]
    if not word:
        raise UnknownTargetError(_("Type a site, such as example.com."))
    try:
        host = urlsplit(word if "//" in word else f"//{word}").hostname or ""
        name = hosts.normalise(host)
    except ValueError:
        raise UnknownTargetError(_no_site(word)) from None
    if "." not in name:
        raise UnknownTargetError(_no_site(word))
    return name


def _no_site(word: str) -> str:
    return _("“%(typed)s” is not a site. Type its address, such as example.com.", typed=plain(word))


def entry(text: str, names: CatalogueIndex) -> str:
    """Return the entry of a rule's list for typed text: a site, ``service:ID`` or ``category:ID``.

    Services and categories are found by name, or typed as such an entry. Text with a dot is a site. Raises
    UnknownTargetError.
    """
    wanted = " ".join(text.split()).casefold()
    if "." in wanted:
        return site(text)
    for service in names.services.values():
        if wanted in (service.name.casefold(), f"service:{service.id}"):
            return f"service:{service.id}"
    for kind in names.kinds.values():
        if wanted in (kind.name.casefold(), f"category:{kind.id}"):
            return f"category:{kind.id}"
    if wanted.startswith(("service:", "category:")):
        raise UnknownTargetError(
            _("“%(typed)s” is not known here. Choose it from the list.", typed=plain(text))
        )
    return site(text)
