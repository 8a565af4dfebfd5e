"""The choices for settings of the home, with label and meaning."""

from __future__ import annotations

from webui.language.i18n import gettext as _

STRANGERS = ("guest", "quarantine", "home")  # choices for unknown devices besides a child
ACCESS = ("closed", "open")


def strangers() -> dict[str, tuple[str, str]]:
    """Return the choices for devices without an owner: word of the setting, label and meaning."""
    return {
        "guest": (
            _("A guest"),
            _(
                "Open, but for what the youngest children may not see. Closed at night."
                " Nothing is written down."
            ),
        ),
        "quarantine": (
            _("Closed until somebody says whose it is"),
            _("It reaches help and our page, and nothing else."),
        ),
        "home": (
            _("Not filtered (printer, lamp)"),
            _("Works at all times. Only malware and what is blocked for everyone stays blocked."),
        ),
    }


def access() -> dict[str, tuple[str, str]]:
    return {
        "closed": (
            _("Our pages alone"),
            _("Children and guests reach these pages, names and time, and nothing else of the gateway."),
        ),
        "open": (
            _("Everything on it"),
            _("Its own pages, SSH and shared files too: whoever knows its password can change it."),
        ),
    }
