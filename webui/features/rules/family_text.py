"""The choices for settings of the home, with label and meaning."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from webui.language.i18n import gettext as _
from webui.rules.rule_text import Text

Choices = Mapping[str, tuple[str, str]]  # word of the setting → label, meaning


def new_device_choices() -> dict[str, tuple[str, str]]:
    """Return the choices for devices without an owner: by the word of the setting, label and meaning."""
    return {
        "guest": (
            _("A guest"),
            _("Sites are filtered as for a child of 10 or older. No internet at night. Nothing is recorded."),
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


@dataclass(frozen=True, slots=True)
class ChoiceSetting:
    """The texts of a setting with a fixed list of choices, which has a card of its own."""

    icon: str
    title: Text
    question: Text
    choices: Callable[[], Choices]  # the first one is the default
    changed: Callable[[str], str]  # takes the label of the present choice


def _access() -> Choices:
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


CHOICE_SETTINGS: Mapping[str, ChoiceSetting] = {
    "gateway_access": ChoiceSetting(
        "router",
        title=lambda: _("The gateway itself"),
        question=lambda: _("What children and guests can reach on it"),
        choices=_access,
        changed=lambda what: _("What children and guests can reach on the gateway: %(what)s", what=what),
    ),
}
"""By key of `qalqan.yaml`. The page, its form and the list of changes use this table."""
