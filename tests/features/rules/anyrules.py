"""Any family's rules for one child, any moment, and what may hold beside them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from gateway.policy.judge.world import World
from gateway.policy.names.packs import Site as Approved
from tests.features.rules.reading import Site

ALMATY = ZoneInfo("Asia/Almaty")
FIRST = date(2026, 12, 7)  # a Monday; the 16th is a holiday in Kazakhstan

NAMED = ("site.example", "sub.site.example", "other.example")
TABLE = {
    "casino.example": {"gambling"},
    "porn.example": {"adult"},
    "shop.example": {"ads_trackers"},
    "fresh.example": {"new_domain"},
    "films.example": {"video_sharing"},
    "mixed.example": {"games", "gambling"},
    "plays.example": {"games"},
    "school.example": {"education"},
    "tunnel.example": {"proxy_vpn_doh"},
    "chat.example": {"messaging", "social_networks"},
    "listed.example": {"law:kz"},
    "both.example": {"law:kz", "games"},
    "sub.site.example": {"dating"},
}
SERVICES = ("youtube", "tiktok", "roblox", "discord", "whatsapp", "instagram")
CATEGORIES = (
    "adult", "gambling", "games", "video_sharing", "messaging", "social_networks", "dating", "new_domain",
    "ads_trackers", "education", "proxy_vpn_doh",
)  # fmt: skip
TARGETS = ("internet", "play", "service:youtube", "service:roblox", "category:games", "group:video")
DAYS = ("school", "free", "mon", "tue", "wed", "sat", "sun")
ENTRIES = (*NAMED, *(f"service:{one}" for one in SERVICES), *(f"category:{one}" for one in CATEGORIES))


@dataclass(frozen=True)
class Beside:
    """What holds beside the rules, by minutes from the moment on."""

    paused: int = 0
    off: int = 0
    used: dict[str, int] = field(default_factory=dict)
    bonus: dict[str, int] = field(default_factory=dict)
    opened: tuple[tuple[str, int], ...] = ()


def _some(values: Iterable[str], most: int) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(sorted(values)), max_size=most, unique=True)


def _clock(first: int, last: int) -> st.SearchStrategy[str]:
    return st.integers(first // 15, last // 15).map(lambda one: f"{one * 15 // 60:02}:{one * 15 % 60:02}")


_NIGHT = st.tuples(_clock(18 * 60, 23 * 60 + 45), _clock(5 * 60, 10 * 60)).map("-".join)
_NAP = st.tuples(_clock(12 * 60, 13 * 60), _clock(14 * 60, 16 * 60)).map("-".join)
_LATE = st.tuples(_clock(0, 60), _clock(6 * 60, 9 * 60)).map("-".join)
BEDTIME = st.one_of(_NIGHT, _NIGHT, _LATE, _NAP)
WINDOWS: st.SearchStrategy[list[str]] = st.one_of(
    st.just([]),
    st.tuples(_clock(8 * 60, 11 * 60), _clock(12 * 60, 15 * 60)).map(lambda one: ["-".join(one)]),
    st.tuples(_clock(15 * 60, 16 * 60), _clock(17 * 60, 20 * 60)).map(
        lambda one: ["08:00-10:00", "-".join(one)]
    ),
    st.just(["21:00-01:00"]),
)  # fmt: skip
LIMIT = st.sampled_from(["0m", "30m", "1h", "90m", "2h"])


def _by_day(one: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(one, st.dictionaries(st.sampled_from(DAYS), st.one_of(one, st.just({})), max_size=4))


_DATE: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "day": st.sampled_from(["school", "free"]),
        "bedtime": st.one_of(BEDTIME, st.just({})),
        "limits": st.dictionaries(st.sampled_from(TARGETS), st.one_of(LIMIT, st.just({})), max_size=2),
        "windows": st.dictionaries(st.sampled_from(TARGETS), st.one_of(WINDOWS, st.just({})), max_size=2),
    },
).filter(bool)


def _one_word_on_each(said: dict[str, Any]) -> dict[str, Any]:
    """Nobody calls the same thing both homework and refused."""
    refused = said.get("block", ())
    return said | {"homework": [one for one in said.get("homework", ()) if one not in refused]}


RULES = st.fixed_dictionaries(
    {"name": st.just("Aruzhan"), "band": st.sampled_from(["0-5", "6-9", "10-12", "13-15", "16-17"])},
    optional={
        "mode": st.sampled_from(["block-list", "allow-list"]),
        "unknown": st.sampled_from(["open", "ask", "refuse"]),
        "categories": st.dictionaries(
            st.sampled_from(CATEGORIES), st.sampled_from(["open", "count", "ask", "refuse"]), max_size=5
        ),
        "allow": _some(ENTRIES, 4),
        "block": _some(ENTRIES, 4),
        "homework": _some(ENTRIES, 2),
        "ways": st.dictionaries(
            st.sampled_from(["encrypted_dns", "relay", "ech", "vpn", "proxy", "ssh"]),
            st.sampled_from(["open", "refuse"]),
            max_size=4,
        ),
        "safe_search": st.sampled_from(["strict", "off"]),
        "strict": st.booleans(),
        "bedtime": _by_day(BEDTIME),
        "limits": st.dictionaries(st.sampled_from(TARGETS), _by_day(LIMIT), max_size=3),
        "windows": st.dictionaries(st.sampled_from(TARGETS), _by_day(WINDOWS), max_size=3),
        "dates": st.dictionaries(
            st.integers(-1, 8).map(lambda ahead: (FIRST + timedelta(days=ahead)).isoformat()),
            _DATE,
            max_size=3,
        ),
        "laws": st.sampled_from([{"au-under-16-social": "Mum"}, {"au-under-16-social": "true"}]),
    },
).map(_one_word_on_each)

MINE: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {}, optional={"bedtime": _by_day(BEDTIME), **{f"limits/{one}": _by_day(LIMIT) for one in TARGETS[:4]}}
)
"""What a child set for itself, where it may."""

MOMENTS = st.builds(
    lambda day, minute: (
        datetime(FIRST.year, FIRST.month, FIRST.day, tzinfo=ALMATY) + timedelta(days=day, minutes=minute)
    ),
    st.integers(0, 10),
    st.integers(0, 24 * 60 - 1),
)
_MINUTES = st.dictionaries(st.sampled_from(TARGETS), st.integers(0, 150), max_size=3)
BESIDE = st.builds(
    Beside,
    paused=st.sampled_from([0, 0, 0, 45]),
    off=st.sampled_from([0, 0, 0, 0, 90]),
    used=_MINUTES,
    bonus=_MINUTES,
    opened=st.lists(
        st.tuples(
            st.sampled_from([*NAMED, "service:tiktok", "service:roblox", "both.example"]), st.just(40)
        ),
        max_size=2,
    ).map(tuple),
)  # fmt: skip


@cache
def sites_of(world: World, band: str) -> tuple[Site, ...]:
    """One of each kind and service, sites on two lists, named ones, one nobody knows, and approved ones."""
    found = [*TABLE, *NAMED, "www.nobody-knows.example", "deep.sub.site.example"]
    found += [
        next(one for one in world.catalogue.services[key].domains if _is_plain(one, key, world))
        for key in SERVICES
    ]
    approved = {
        one: site for site in world.sites if str(band) in {b.value for b in site.bands} for one in site.names
    }
    plain = [one for one in approved if not world.catalogue.services_of(one) and not _is_special(one, world)]
    found += [*plain[:2], *[one for one in plain if world.table.categories(one)][:2]]
    return tuple(_site(one, world, approved) for one in dict.fromkeys(found))


def _is_plain(host: str, key: str, world: World) -> bool:
    return host[0].isalnum() and world.catalogue.services_of(host) == (key,) and not _is_special(host, world)


def _is_special(host: str, world: World) -> bool:
    """Bound otherwise than others, which no line of a child's page is about."""
    catalogue = world.catalogue
    return bool(
        "*" in host
        or world.needs.find(host)
        or world.engines.get(host)
        or catalogue.updates_of(host)
        or catalogue.companions_of(host)
        or world.help.get(host)
    )


def _site(host: str, world: World, approved: dict[str, Approved]) -> Site:
    services = world.catalogue.services_of(host)
    kinds = frozenset(world.table.categories(host)) | world.catalogue.categories_of(services)
    groups = world.catalogue.groups_of(services)
    mine = any(host == one or host.endswith(f".{one}") for one in approved)
    states = frozenset(one for one in kinds if one.startswith("law:"))
    return Site(host, services, kinds - states, groups, mine, states)
