"""`qalqan check`: checks the household's settings, brand, country, profiles and own rules."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path

from gateway.check.findings import Finding, is_hidden, note, ok, problem, refused, unseen, warning
from gateway.core.errors import PolicyError
from gateway.core.memory import machine_memory
from gateway.household import loading
from gateway.household.config_file import read_router
from gateway.household.reachable_sites import must_resolve
from gateway.lists.must_resolve import YOUNGEST, MustResolve
from gateway.policy.config.brand import Brand
from gateway.policy.config.config import Config
from gateway.policy.config.list_tiers import ListTier, tier_for_memory
from gateway.policy.names.countries import COMMON, country_of
from gateway.policy.profile.household import Household
from gateway.policy.profile.rules import EntryKind, RuleEntry
from gateway.web.branding import read_logo

PAGES_MEMORY = 45 << 20  # bytes, as docs/performance.md limits them
MOST_OWN_RULES = 20  # lines per child
FIX_OWN_RULE = "remove it if this is a mistake"


def router_findings(config: Config) -> Iterator[Finding]:
    try:
        router = read_router()
    except PolicyError as error:  # it has changed meanwhile
        yield refused("config", error, code="settings_mistake")
        return
    if router is not None:
        options = ", ".join(fixed.option for fixed in config.fixed.values()) or "nothing"
        yield ok("config", f"{router.file} decides {options}")
        for section, on in router.switches.items():
            if not on:
                what = "the filter" if section == "main" else "the pages"
                text = f"{section}.enabled is 0 in {router.file}: the router does not start {what}"
                if section == "web" and (few := _little_memory()):
                    text = f"{text}; it has {few >> 20} MB of memory, and they need {PAGES_MEMORY >> 20} MB"
                yield note(
                    "config",
                    text,
                    f"uci set qalqan.{section}.enabled=1, then uci commit qalqan",
                    code="filter_off" if section == "main" else "pages_off",
                )
    for line in config.problems:
        text, _, fix = line.rpartition("; ")
        yield problem("config", text, fix, code="settings_mistake")
    yield from brand_findings(config.brand)


def _little_memory() -> int:
    """Return the machine's memory in bytes if the pages are off by default because of it; else 0."""
    total = machine_memory().total
    return total if tier_for_memory(total) is ListTier.SMALL else 0


def brand_findings(brand: Brand) -> Iterator[Finding]:
    problems = list(brand.problems)
    if brand.logo:
        try:
            read_logo(brand.logo)
        except PolicyError as error:
            problems.append(str(error))
    for line in problems:
        text, _, fix = line.rpartition("; ")
        yield warning("brand", f"{text}; it is ignored", fix, code="brand_mistake")


def country_findings(config: Config, product: loading.Product) -> Iterator[Finding]:
    """Yield a note if no country is set, or there is no file for it: public holidays are then missing.

    Without a country, only international help lines are shown. ``product``: the data in use, with the
    countries.
    """
    known = ", ".join(sorted(code for code in product.countries if code != COMMON))
    if not config.country:
        yield note(
            "country",
            f"none is set: no public holidays, only international help lines; known: {known}",
            code="no_country",
        )
    elif country_of(product.countries, config.country) is None:
        yield note(
            "country",
            f"there is no file for {config.country}: no public holidays; known: {known}",
            code="unknown_country",
        )


def profile_findings(
    path: Path, config: Config, product: loading.Product
) -> Generator[Finding, None, Household | None]:
    """Yield findings about profiles and own services; return the household, or None if it is unreadable.

    ``path``: the path of qalqan.yaml. ``product``: the data in use (categories, services, age groups).
    """
    folder = Path(config.profiles)
    hidden = next((path for path in (folder, *_files(folder)) if is_hidden(path)), None)
    if hidden is not None:
        yield unseen("profiles", hidden)
        return None
    try:
        family = loading.load(path, product, lenient=True)
    except PolicyError as error:
        yield refused("profiles", error, code="rule_mistake")
        return None
    packaged = product.catalogue.packaged
    for own in family.config.services:
        if own.id in packaged:
            text = f"'{own.id}' is a service of the catalogue too, which yours replaces"
            yield warning(
                "own services",
                text,
                "give yours another id in qalqan.yaml",
                code="own_service",
                name=own.name,
            )
    for broken in family.problems.values():
        yield refused("profile", broken, code="rule_mistake")
    for profile in family.profiles.values():
        count = len(profile.devices)
        yield ok("profile", f"{profile.id}: band {profile.band.value}, {count} devices")
        if profile.warning is not None:
            text = f"{profile.warning.where}: {profile.warning.problem}"
            yield warning("profile", text, profile.warning.fix, code="rule_warning", name=profile.name)
    try:
        yield from must_findings(family, must_resolve(product))
    except PolicyError as error:
        yield refused("product", error, code="product_damaged")
    if not family.profiles and not family.problems:
        yield ok("profiles", f"none yet in {family.config.profiles}: one file a child")
    return family


def _files(folder: Path) -> list[Path]:
    try:
        return loading.profile_files(folder)
    except PolicyError:
        return []


def must_findings(family: Household, must: MustResolve) -> Iterator[Finding]:
    """Yield notes about a family's own rules that block a site which no list may block from age ten on.

    `gateway.lists.must_resolve` has these sites, about health for example. A site that the rules also allow
    is left out. Only children from ten on are checked: for younger ones the parents decide. At most
    MOST_OWN_RULES notes for each child.
    """
    for profile in family.profiles.values():
        if not profile.is_child or profile.band.rank < YOUNGEST.rank:
            continue
        allowed = set(_names(profile.rules.allow))
        closed = [(name, must.site_of_any_list(name)) for name in _names(profile.rules.block)]
        for name, site in [(name, site) for name, site in closed if site and site not in allowed][
            :MOST_OWN_RULES
        ]:
            text = (
                f"{profile.id}: block has {name}, which blocks {site}; no list may block that from age 10 on"
            )
            yield note(
                "profile", text, FIX_OWN_RULE, code="own_rule", name=profile.name, host=name, site=site
            )


def _names(entries: tuple[RuleEntry, ...]) -> list[str]:
    """Return the host names among entries of rules; other kinds of entries are left out."""
    return [entry.value for entry in entries if entry.kind is EntryKind.NAME]
