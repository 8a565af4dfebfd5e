"""Names of countries in the reader's language."""

from __future__ import annotations

from webui.language.i18n import gettext as _


def countries() -> dict[str, str]:
    """Return the names of the countries with known help lines and holidays, by code, sorted by name."""
    known = {
        "at": _("Austria"), "au": _("Australia"), "be": _("Belgium"), "bg": _("Bulgaria"),
        "cy": _("Cyprus"), "cz": _("Czechia"), "de": _("Germany"), "dk": _("Denmark"), "ee": _("Estonia"),
        "es": _("Spain"), "fi": _("Finland"), "fr": _("France"), "gb": _("United Kingdom"),
        "gr": _("Greece"), "hr": _("Croatia"), "hu": _("Hungary"), "ie": _("Ireland"), "it": _("Italy"),
        "kz": _("Kazakhstan"), "lt": _("Lithuania"), "lu": _("Luxembourg"), "lv": _("Latvia"),
        "mt": _("Malta"), "nl": _("Netherlands"), "pl": _("Poland"), "pt": _("Portugal"),
        "ro": _("Romania"), "ru": _("Russia"), "se": _("Sweden"), "si": _("Slovenia"),
        "sk": _("Slovakia"), "us": _("United States"),
    }  # fmt: skip
    return dict(sorted(known.items(), key=lambda item: item[1].casefold()))
