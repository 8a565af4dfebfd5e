"""Names the author of a change."""

from __future__ import annotations

from webui.language.i18n import gettext as _
from webui.language.words import plain


def who(name: str) -> str:
    """Return the name to show for the author of a change: a person's, or that of a part of the gateway."""
    others = {
        "console": _("The gateway's console"),
        "router": _("The router's own pages"),
        "provider": _("Your internet provider"),
        "qalqan": _("The gateway"),
    }
    return others.get(name) or plain(name)
