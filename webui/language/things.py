"""Names of the daemon's ids in the reader's language: categories, groups of services, other rule targets.

The English is that of profiles/categories.yaml and profiles/services/*.yaml. The names of the other targets
are in `gateway.policy.judge.target_names`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from gateway.policy.judge.target_names import setting_names
from gateway.policy.time.gates import target_of
from webui.language.countries import countries
from webui.language.i18n import READER, is_source, language, languages, pgettext
from webui.language.i18n import gettext as _

REGISTER = "law:"  # begins the category id of a state's register; the two-letter code of the state follows

Table = Mapping[str, str]


class Ours(str):
    """A name from the translated catalogue.

    `words.plain` does not shorten it, unlike names of users and devices.
    """

    __slots__ = ()


def thing(target: str, name: str) -> str:
    """Return the name of a rule's target, such as ``category:games``, in the reader's language.

    ``name``: the daemon's English name, which is returned without a translation. Services and sites have the
    same name in every language.
    """
    return name if is_source() else translated(target) or name


def translated(target: str) -> Ours | None:
    """Return the name of a rule's target in the reader's language, from the catalogue of translations.

    None for services, sites and unknown targets. ``target``: such as ``category:games``; the key of
    a schedule for it (``window:…``) has the same name.
    """
    target = target_of(target)
    if target.removeprefix("category:").startswith(REGISTER):
        return Ours(register(target.rpartition(":")[2]))
    kind, _colon, key = target.partition(":")
    if kind == "category":
        known = categories().get(key)
    elif kind == "group":
        known = groups().get(key)
    else:
        known = _settings().get(target)
    return None if known is None else Ours(known)


def register(country: str) -> str:
    """Return the name of a state's list of sites to block. ``country``: its two-letter code."""
    return _("Register of %(country)s", country=state(country))


def state(country: str) -> str:
    return countries().get(country, country.upper()[:2])


def way(key: str) -> str:
    """Return the name of a bypass method in the reader's language. An unknown ``key`` is returned as it is.

    ``key``: as in ``ways:`` of a child's file.
    """
    return _settings().get(f"ways:{key}", key)


def _settings() -> Table:
    return table("settings", lambda: setting_names(READER))


def categories() -> Table:
    """Return the names of the categories of sites, by id, in the reader's language."""
    return table("categories", _categories)


def laws() -> Table:
    """Return the names of legal rules, by id, in the reader's language.

    The English is that of profiles/countries/*.yaml.
    """
    return table("laws", _laws)


def groups() -> Table:
    return table("groups", _groups)


def about(category: str, text: str) -> str:
    """Return a sentence that explains a category, in the reader's language.

    ``text``: the daemon's English one, which is returned without a translation.
    """
    return text if is_source() else table("abouts", _abouts).get(category, text)


def table(name: str, make: Callable[[], Table]) -> Table:
    """Return the table of texts that ``make`` builds in the page's language.

    The result is cached by language and ``name``.
    """
    built, key = languages().built, (language(), name)
    if key not in built:
        built[key] = make()
    return built[key]


def _categories() -> Table:
    # Translators: kinds of sites, in lists and after a colon.
    return {
        "adult": pgettext("kind", "Adult sites"),
        "gambling": pgettext("kind", "Gambling"),
        "drugs_alcohol_tobacco_sales": pgettext("kind", "Drugs, alcohol and tobacco for sale"),
        "weapons_sales": pgettext("kind", "Weapons for sale"),
        "gore_violence": pgettext("kind", "Gore and violence"),
        "selfharm_promotion": pgettext("kind", "Promotion of self-harm"),
        "hate_extremism": pgettext("kind", "Hate and extremism"),
        "dating": pgettext("kind", "Dating"),
        "random_video_chat": pgettext("kind", "Random video chat"),
        "social_networks": pgettext("kind", "Social networks"),
        "messaging": pgettext("kind", "Messaging"),
        "video_sharing": pgettext("kind", "Video sharing"),
        "games": pgettext("kind", "Games"),
        "ai": pgettext("kind", "AI assistants"),
        "ai_adults": pgettext("kind", "AI assistants for adults"),
        "ai_companions": pgettext("kind", "AI companions"),
        "proxy_vpn_doh": pgettext("kind", "VPN and proxies"),
        "tor": pgettext("kind", "Tor network"),
        "piracy": pgettext("kind", "Pirated copies"),
        "ads_trackers": pgettext("kind", "Ads and trackers"),
        "search_without_safe_mode": pgettext("kind", "Search without a safe mode"),
        "new_domain": pgettext("kind", "Sites that are new"),
        "malware": pgettext("kind", "Harmful software"),
        "phishing": pgettext("kind", "Phishing"),
        "csam": pgettext("kind", "Child sexual abuse material"),
        "streaming": pgettext("kind", "Films and series"),
        "music": pgettext("kind", "Music and audio"),
        "shopping": pgettext("kind", "Shopping"),
        "forums": pgettext("kind", "Forums"),
        "news": pgettext("kind", "News"),
        "education": pgettext("kind", "Learning"),
        "health": pgettext("kind", "Health"),
        "productivity": pgettext("kind", "Work and school tools"),
        "file_hosting": pgettext("kind", "File sharing"),
        "search": pgettext("kind", "Search"),
        "crypto": pgettext("kind", "Cryptocurrencies"),
        "device_updates": pgettext("kind", "Device updates"),
    }


def _laws() -> Table:
    # Translators: legal rules of a country, which a guardian can turn on. Each stands alone.
    return {
        "au-under-16-social": pgettext("law", "Social Media Minimum Age (Australia)"),
        "gb-under-16-social": pgettext("law", "Social media from 16 (United Kingdom)"),
        "kz-under-16-social": pgettext("law", "Social networks from 16 (Kazakhstan)"),
    }


def _groups() -> Table:
    # Translators: groups of services, as headings.
    return {
        "own": pgettext("kind", "Your own services"),
        "adult": pgettext("kind", "Adult sites"),
        "ai": pgettext("kind", "AI assistants"),
        "apps": pgettext("kind", "Browsers and app stores"),
        "companions": pgettext("kind", "AI companions"),
        "crypto": pgettext("kind", "Cryptocurrencies"),
        "dating": pgettext("kind", "Dating"),
        "education": pgettext("kind", "Learning"),
        "everyday": pgettext("kind", "Everyday"),
        "gambling": pgettext("kind", "Gambling"),
        "games": pgettext("kind", "Games"),
        "health": pgettext("kind", "Health"),
        "home": pgettext("kind", "Smart home and television"),
        "hosting": pgettext("kind", "Files"),
        "live": pgettext("kind", "Live streaming"),
        "messengers": pgettext("kind", "Messengers"),
        "music": pgettext("kind", "Music"),
        "news": pgettext("kind", "News and forums"),
        "piracy": pgettext("kind", "Pirated copies"),
        "platforms": pgettext("kind", "Gaming platforms"),
        "privacy": pgettext("kind", "VPN and proxies"),
        "productivity": pgettext("kind", "Mail and documents"),
        "random-chat": pgettext("kind", "Chats with strangers"),
        "search": pgettext("kind", "Search"),
        "shopping": pgettext("kind", "Shopping"),
        "social": pgettext("kind", "Social networks"),
        "streaming": pgettext("kind", "Films and series"),
        "updates": pgettext("kind", "Device updates"),
        "video": pgettext("kind", "Video"),
    }


def _abouts() -> Table:
    return {
        "adult": _("Pornography and other sexual content made for adults."),
        "gambling": _("Betting, casinos, lotteries and other games for money."),
        "drugs_alcohol_tobacco_sales": _(
            "Shops that sell drugs, alcohol, tobacco or vapes; information about them is not meant."
        ),
        "weapons_sales": _("Shops that sell firearms, ammunition or knives for fighting."),
        "gore_violence": _("Pictures and films of real injuries, deaths and cruelty."),
        "selfharm_promotion": _(
            "Sites that push people to suicide, self-harm or eating disorders; help is never among them."
        ),
        "hate_extremism": _("Sites that call for hatred or violence against groups of people."),
        "dating": _("Sites and apps on which adults look for a partner."),
        "random_video_chat": _("Chats that connect a child with strangers chosen at random."),
        "social_networks": _("Networks where people follow each other and post in public."),
        "messaging": _("Messages and calls between people who know each other."),
        "video_sharing": _("Sites to which anybody can upload a video for all to watch."),
        "games": _("Games that are played online, their shops and their servers."),
        "ai": _("Assistants that answer questions and make texts or pictures, and admit users from 13."),
        "ai_adults": _("Assistants whose own terms admit adults only."),
        "ai_companions": _("Chatbots that play a friend, a lover or a character."),
        "proxy_vpn_doh": _("Tunnels, proxies and encrypted DNS that lead around every rule here."),
        "tor": _(
            "The Tor network, its browser and the addresses of its relays, which lead around every rule here."
        ),
        "piracy": _("Copies of films, music, books and programs without leave, and torrents of them."),
        "ads_trackers": _("Advertising networks and those who follow people from site to site."),
        "search_without_safe_mode": _("Search engines that offer no way to keep adult results out."),
        "new_domain": _("Names registered a few days ago, by an installed list; many of them are traps."),
        "malware": _("Sites that spread or steer harmful software."),
        "phishing": _("Sites that pretend to be others in order to steal passwords and money."),
        "csam": _("Material that shows the sexual abuse of children; it is a crime everywhere."),
        "streaming": _("Films, series and television from a publisher's own catalogue."),
        "music": _("Music, radio, podcasts and audio books."),
        "shopping": _("Shops and marketplaces."),
        "forums": _("Boards where strangers discuss a subject."),
        "news": _("Newspapers, news agencies and news programmes."),
        "education": _("Schools, courses, reference books and help with homework."),
        "health": _("Public health services, medicine explained, and appointments with doctors."),
        "productivity": _("Documents, mail, calendars and meetings for work and school."),
        "file_hosting": _("Places to keep files and hand them on."),
        "search": _("Search engines that can be kept in a safe mode."),
        "crypto": _("Trade in cryptocurrencies and tokens."),
        "device_updates": _("Updates of systems, apps and devices."),
    }
