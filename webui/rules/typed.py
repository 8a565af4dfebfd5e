"""What somebody typed as a site, a service or a kind: an entry of a rule, or one clear line."""

from __future__ import annotations

from urllib.parse import urlsplit

from gateway.policy.names import hosts
from webui.language.i18n import gettext as _
from webui.language.words import plain
from webui.rules.catalogue import Catalogue

TYPED_LIMIT = 2000  # characters; the longest web address that anybody pastes


class NotThatError(ValueError):
    """``str()`` is the line for the one who typed it."""


def site(text: str) -> str:
    """``https://www.example.com/a?b`` → ``example.com``; a name as it is, in its normal form."""
    word = text.strip()[:TYPED_LIMIT]
    if not word:
        raise NotThatError(_("Type a site, such as example.com."))
    try:
        host = urlsplit(word if "//" in word else f"//{word}").hostname or ""
        name = hosts.normalise(host)
    except ValueError:
        raise NotThatError(_no_site(word)) from None
    bare = name.removeprefix("www.")
    if "." not in name:
        raise NotThatError(_no_site(word))
    return bare if "." in bare else name


def _no_site(word: str) -> str:
    return _("“%(typed)s” is no site. Type its address, such as example.com.", typed=plain(word))


def entry(text: str, names: Catalogue) -> str:
    """A site, or ``service:…`` and ``category:…`` by their name or id; what has a dot in it is a site."""
    wanted = " ".join(text.split()).casefold()
    if "." in wanted:
        return site(text)
    for one in names.services.values():
        if wanted in (one.name.casefold(), f"service:{one.id}"):
            return f"service:{one.id}"
    for kind in names.kinds.values():
        if wanted in (kind.name.casefold(), f"category:{kind.id}"):
            return f"category:{kind.id}"
    if wanted.startswith(("service:", "category:")):
        raise NotThatError(_("“%(typed)s” is not known here. Choose it from the list.", typed=plain(text)))
    return site(text)
