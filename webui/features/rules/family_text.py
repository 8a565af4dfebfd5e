"""The choices for settings of the home, with label and meaning."""

from __future__ import annotations

from webui.language.i18n import gettext as _

STRANGERS = ("guest", "quarantine", "home")  # choices for unknown devices besides a child
ACCESS = ("closed", "open")


def strangers() -> dict[str, tuple[str, str]]:
    """Return the choices for devices without an owner: by the word of the setting, label and meaning."""
    return {
        "guest": (
            _("A guest"),
            _("Filtered as for a young child. No internet at night. Nothing is recorded."),
        ),
        "quarantine": (
            _("Blocked until you choose who uses it"),
            _("Only help lines and our page work."),
        ),
        "home": (
            _("Not filtered (printer, lamp)"),
            _("Works at all times. Only malware and what is blocked for everyone stays blocked."),
        ),
    }


def access() -> dict[str, tuple[str, str]]:
    return {
        "closed": (
            _("Only our pages"),
            _("Children and guests can reach these pages, DNS and time, and nothing else on the gateway."),
        ),
        "open": (
            _("Everything on it"),
            _("Also its own pages, SSH and shared files. Anyone who knows its password can change it."),
        ),
    }
