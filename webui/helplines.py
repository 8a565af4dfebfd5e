"""Translates names of help lines, and reads the packaged ones for when the daemon has not sent any."""

from __future__ import annotations

import logging
from dataclasses import replace

from gateway.control.contract.rules import HelpChannelEntry, HelpLineEntry, HelpLines, help_line_entry
from gateway.core.errors import PolicyError
from webui.language.i18n import language

_log = logging.getLogger(__name__)

NO_LINES = HelpLines(lines=(), rights=())


def packaged(country: str) -> HelpLines:
    """Return a country's help lines and complaint authorities from the package; empty if it is damaged.

    The lines for all countries are among them; only they are returned for an unknown or empty ``country``.
    """
    # Imported here: two megabytes that the pages rarely need.
    from gateway.household.loading import load_countries
    from gateway.policy.names.countries import lines_for, rights_for

    try:
        countries = load_countries()
        return HelpLines(
            lines=tuple(map(help_line_entry, lines_for(countries, country))),
            rights=tuple(map(help_line_entry, rights_for(countries, country))),
        )
    except PolicyError as error:
        _log.error("help lines cannot be read: %s", error)
        return NO_LINES


def in_readers_language(line: HelpLineEntry) -> HelpLineEntry:
    """Return a help line with its name in the reader's language if there is one, else as it is."""
    return replace(line, name=line.names.get(language()) or line.name)


def where_code_is(channel: HelpChannelEntry) -> str:
    """Return where the QR code of a help line's channel is found, in the reader's language or in English.

    Empty without either.
    """
    return channel.at.get(language()) or channel.at.get("en", "")
