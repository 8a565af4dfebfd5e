"""Names of rule targets, for the pages, events and the command line.

The pages import this module: it must not import the YAML library or the judge.
"""

from __future__ import annotations

from collections.abc import Mapping

from gateway.policy.judge.explanation import Names
from gateway.policy.language import ENGLISH, Language
from gateway.policy.profile.rules import INTERNET, PLAY
from gateway.policy.time.gates import BEDTIME, DEVICE, target_of


def setting_names(language: Language) -> Mapping[str, str]:
    """Return the names of rule targets other than services, categories, groups and sites.

    They are in the reader's language, by target, such as ``play`` or ``ways:vpn``.
    """
    pgettext = language.pgettext
    # Translators: what rules can be about. Each stands alone, as a heading or in a list.
    whole = pgettext("target", "The internet")
    return {
        INTERNET: whole,
        BEDTIME: whole,
        DEVICE: whole,
        PLAY: pgettext("target", "Play"),
        "safe_search": pgettext("target", "Adult results in searches"),
        "unknown": pgettext("target", "Unknown sites"),
        "strict": pgettext("target", "Connections that name no site"),
        "protocol": pgettext("target", "Internet protocols that no app needs"),
        "ways:encrypted_dns": pgettext("target", "Encrypted DNS"),
        "ways:relay": pgettext("target", "iCloud Private Relay"),
        "ways:ech": pgettext("target", "Connections that hide their site"),
        "ways:vpn": pgettext("target", "VPN"),
        "ways:tor": pgettext("target", "Tor"),
        "ways:proxy": pgettext("target", "Proxies"),
        "ways:ssh": pgettext("target", "SSH"),
    }


_SETTINGS = setting_names(ENGLISH)


def target_name(target: str, names: Names) -> str:
    """Return the name of a target of a rule, limit or grant, for messages; a site unchanged.

    Services, categories and groups are named as in ``names``, other targets in English. ``target``:
    such as ``play``, ``ways:vpn``, ``service:x``, ``category:x``, ``group:x``, or one of these
    after ``window:``.
    """
    target = target_of(target)
    kind, _, key = target.partition(":")
    if kind == "service":
        return names.services.get(key, key)
    if kind == "category":
        return names.categories.get(key, key.replace("_", " "))
    if kind == "group":
        return names.groups.get(key, key.replace("-", " "))
    return _SETTINGS.get(target, target)
