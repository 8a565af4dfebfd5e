"""Homes for the tests of this room: the product's own data, profiles from a few lines of YAML, a world."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import cache
from zoneinfo import ZoneInfo

from gateway.core.errors import PolicyError
from gateway.household.loading import Product, load_product
from gateway.lists.public_suffixes import public_suffix_check
from gateway.policy.judge.decide import Judge
from gateway.policy.judge.world import World
from gateway.policy.names import domain_table as domains
from gateway.policy.names.packs import Site
from gateway.policy.profile.profile import Profile, parse_profile
from gateway.policy.profile.rule_file import Vocabulary
from gateway.policy.time.schedule import Calendar
from gateway.policy.time.time_rules import Situation
from gateway.policy.values import Observation, Proto

ALMATY = ZoneInfo("Asia/Almaty")
CALENDAR = Calendar(ALMATY)
SALT = bytes(range(16))

TABLE = {
    "casino.example": {"gambling"},
    "shop.example": {"ads_trackers"},
    "porn.example": {"adult"},
    "virus.example": {"malware"},
    "phish.example": {"phishing"},
    "sealed.example": {"csam"},
    "fresh.example": {"new_domain"},
    "films.example": {"video_sharing"},
    "mixed.example": {"games", "gambling"},
    "plays.example": {"games"},
    "tunnel.example": {"proxy_vpn_doh"},
    "oddsearch.example": {"search_without_safe_mode"},
}


@cache
def product() -> Product:
    return load_product()


@cache
def words() -> Vocabulary:
    return Vocabulary(product().categories, product().catalogue, public_suffix_check(), product().laws)


def a_profile(text: str, profile_id: str = "daughter") -> Profile:
    source = textwrap.dedent(text)
    return parse_profile(source, f"{profile_id}.yaml", profile_id, product().bands, words())


def refusal(read: Callable[[], object]) -> str:
    """What is said of a text that cannot be used; empty where it can."""
    try:
        read()
    except PolicyError as refused:
        return str(refused)
    return ""


def table(names: Mapping[str, set[str]] | None = None) -> domains.DomainTable:
    packed = domains.pack_table(names or TABLE, salt=SALT, built="2026-11-24T06:00:00Z")
    return domains.DomainTable(packed)


def a_world(*, help_names: Mapping[str, str] | None = None, sites: tuple[Site, ...] | None = None) -> World:
    from gateway.policy.names.hosts import host_map

    world = replace(product().world(("en", "ru", "kk")), table=table())
    if help_names is not None:
        world = replace(world, help=host_map(help_names.items()))
    return world if sites is None else replace(world, sites=sites)


@cache
def the_world() -> World:
    return a_world(help_names={"childline.org.uk": "Childline"})


def a_judge(text: str, world: World | None = None) -> Judge:
    return Judge(a_profile(text), world or the_world(), CALENDAR)


def asks(host: str, qtype: int = 1) -> Observation:
    return Observation(Proto.DNS, host, qtype=qtype, dport=53)


def connects(host: str | None, dst: bytes = b"\xc6\x33\x64\x07", proto: Proto = Proto.TLS) -> Observation:
    return Observation(proto, host, dst, 443)


def almaty(text: str) -> datetime:
    """Local time of the home, as an instant."""
    return datetime.fromisoformat(text).replace(tzinfo=ALMATY).astimezone(UTC)


def used_up(*gates: str, minutes: int = 24 * 60) -> Situation:
    """On Tuesday 24 November 2026."""
    return Situation(day=date(2026, 11, 24), used=dict.fromkeys(gates, minutes))
