"""The family's files and the product's data, read from disk into the values of ``gateway.policy``.

Thin: paths and errors of the file system here, all meaning in ``gateway.policy``. A broken profile is
reported, and the others load all the same; a broken ``qalqan.yaml`` is refused as a whole.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from types import MappingProxyType

from gateway.age.bands import Band
from gateway.core.errors import PolicyError
from gateway.core.files import attempt, read_bounded
from gateway.household.calendars import calendars_beside
from gateway.household.config_file import read_config, read_source
from gateway.household.references import check_names
from gateway.lists.public_suffixes import lazy_public_suffix_check
from gateway.policy.alerts.menus import Menus, parse_menus
from gateway.policy.config.config import Config
from gateway.policy.config.registers import COUNTRY_NAMES
from gateway.policy.config.web import Https
from gateway.policy.identity.fingerprints import Fingerprints, parse_fingerprints
from gateway.policy.identity.macs import parse_mac
from gateway.policy.judge.sentence import Names
from gateway.policy.judge.world import GATEWAY_NAME, World
from gateway.policy.names import packs
from gateway.policy.names.categories import Categories, parse_categories
from gateway.policy.names.countries import (
    Country,
    HelpLine,
    calling_names,
    country_of,
    help_names,
    lines_for,
    parse_country,
    rights_for,
)
from gateway.policy.names.hosts import HostMap, PublicSuffixCheck
from gateway.policy.names.resolvers import Resolvers, parse_resolvers
from gateway.policy.names.services import Catalogue, parse_group
from gateway.policy.profile import bands, profile
from gateway.policy.profile.bands import Bands
from gateway.policy.profile.household import Household, assembled
from gateway.policy.profile.laws import unknown_entries
from gateway.policy.profile.profile import DaysOf, Profile
from gateway.policy.profile.rule_file import Vocabulary
from gateway.policy.profile.rules import Laws
from gateway.policy.time.schedule import Calendar
from gateway.policy.yaml.entries import host_map
from profiles import DATA

HOLIDAY_YEARS = range(2024, 2041)  # moving holidays are known for fewer; fixed ones for all of them
MAX_PROFILES = 64  # a large family and its relatives
SUFFIXES = (".yaml", ".yml")

NOTHING: Mapping[Path, bytes | None] = MappingProxyType({})

_MAC = re.compile(rb"(?<![0-9A-Za-z])[0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){5}(?![0-9A-Za-z])")


@dataclass(frozen=True, slots=True, eq=False)
class Product:
    """What is installed with the gateway: the package ``profiles``."""

    categories: Categories
    catalogue: Catalogue
    bands: Bands
    needs: HostMap[str]
    engines: HostMap[packs.Engine]
    sites: tuple[packs.Site, ...]
    countries: Mapping[str, Country]  # by code
    laws: Laws  # of all countries, by id
    help: HostMap[str]
    calling: HostMap[str]
    ech_names: frozenset[str]  # sent in the clear for a hidden one
    resolvers: Resolvers
    fingerprints: Fingerprints
    menus: Menus

    @property
    def help_names(self) -> tuple[str, ...]:
        """Names of help that the gateway resolves by itself."""
        return tuple(self.help)

    @property
    def safe_names(self) -> tuple[str, ...]:
        """Names under which search engines and video sites are in their safe modes."""
        engines = {one for host in self.engines if (one := self.engines.get(host)) is not None}
        names = {name for one in engines for name in (one.strict, one.moderate)}
        return tuple(sorted(name for name in names if not name[-1].isdigit()))

    @property
    def names(self) -> Names:
        """What services and categories are called in a sentence."""
        return Names(
            services={one.id: one.name for one in self.catalogue.services.values()},
            categories={one.id: one.name["en"] for one in self.categories.by_id.values()},
            groups={one.id: one.name["en"] for one in self.catalogue.groups.values()},
            laws={one.id: one.name["en"] for one in self.laws.values()},
            states=COUNTRY_NAMES,
        )

    def help_lines(self, country: str) -> tuple[HelpLine, ...]:
        return lines_for(self.countries, country)

    def rights(self, country: str) -> tuple[HelpLine, ...]:
        return rights_for(self.countries, country)

    def holidays(self, country: str) -> Mapping[date, str]:
        """Of the years that a home looks ahead to, with their English names."""
        own = country_of(self.countries, country) if country else None
        if own is None:
            return {}
        return {day: name for year in HOLIDAY_YEARS for day, name in own.holidays(year, country).items()}

    def calendar(self, settings: Config) -> Calendar:
        """The family's, before anybody's own free days."""
        country = country_of(self.countries, settings.country) if settings.country else None
        return Calendar(
            settings.zone,
            frozenset(self.holidays(settings.country)),
            settings.day_starts,
            week_starts=0 if country is None else country.week_starts,
        )

    def world(self, languages: tuple[str, ...], https: Https | None = None) -> World:
        """A world without category table and without addresses; the daemon replaces those fields."""
        return World(
            catalogue=self.catalogue,
            categories=self.categories,
            help=self.help,
            calling=self.calling,
            needs=self.needs,
            sites=tuple(one for one in self.sites if one.language in languages),
            engines=self.engines,
            resolvers=self.resolvers,
            gateway_names=frozenset({GATEWAY_NAME} if https is None else {GATEWAY_NAME, https.name}),
        )


def _never(name: str) -> bool:  # noqa: ARG001
    return False


def load_product(is_public_suffix: PublicSuffixCheck = _never) -> Product:
    """Reads the package ``profiles``. Raises PolicyError for damaged data.

    Its names were held against the public suffixes when it was made; at a start that would cost 30 ms and
    2 MB.
    """
    root = DATA
    suffixes = is_public_suffix
    categories = parse_categories(*_data(root, "categories.yaml"))
    known = categories.choosable
    catalogue = Catalogue(
        parse_group(source, name, known, suffixes) for source, name in _folder(root, "services")
    )
    words = Vocabulary(categories, catalogue, suffixes)
    read = [bands.parse_band(source, name, words) for source, name in _folder(root, "bands")]
    missing = set(Band) - {one.band for one in read}
    if missing:
        where, mend = "profiles/bands", "install the package again"
        raise PolicyError(where, f"has no file for {min(one.value for one in missing)}", mend)
    needs: dict[str, str] = {}
    sites: list[packs.Site] = []
    for source, name in _folder(root, "starter"):
        if name.endswith("device-needs.yaml"):
            needs |= packs.parse_needs(source, name, suffixes)
        else:
            sites += packs.parse_sites(source, name, suffixes)
    countries = load_countries(suffixes)
    laws = {law.id: law for one in countries.values() for law in one.laws}
    if unknown := unknown_entries(laws.values(), catalogue.services, known):
        where, mend = "profiles/countries", "install the package again"
        raise PolicyError(where, f"names what the catalogue has not: {unknown[0]}", mend)
    engines = packs.parse_engines(*_data(root, "safesearch.yaml"), suffixes)
    fingerprints = parse_fingerprints(*_data(root, "fingerprints.yaml")).fingerprints
    return Product(
        categories=categories,
        catalogue=catalogue,
        bands={one.band: one for one in read},
        needs=host_map(needs.items()),
        engines=host_map((name, one) for one in engines for name in one.hosts),
        sites=tuple(sites),
        countries=countries,
        laws=laws,
        help=host_map(help_names(countries.values()).items()),
        calling=host_map(calling_names(countries.values()).items()),
        ech_names=packs.parse_ech_names(*_data(root, "ech.yaml")),
        resolvers=parse_resolvers(*_data(root, "resolvers.yaml"), suffixes),
        fingerprints=fingerprints,
        menus=parse_menus(*_data(root, "menus.yaml"), fingerprints.ids),
    )


def vocabulary(product: Product) -> Vocabulary:
    """The words of a family's own files."""
    return Vocabulary(product.categories, product.catalogue, lazy_public_suffix_check(), product.laws)


def load_countries(is_public_suffix: PublicSuffixCheck = _never) -> Mapping[str, Country]:
    """By code: the part of the package that the pages need while no daemon answers."""
    read = (parse_country(source, name, is_public_suffix) for source, name in _folder(DATA, "countries"))
    return {one.code: one for one in read}


def _folder(root: Path, folder: str) -> Iterator[tuple[bytes, str]]:
    place = root.joinpath(folder)
    if not place.is_dir():
        return
    for file in sorted(place.iterdir()):
        if file.name.endswith(SUFFIXES):
            yield file.read_bytes(), f"profiles/{folder}/{file.name}"


def _data(root: Path, name: str) -> tuple[bytes, str]:
    try:
        return root.joinpath(name).read_bytes(), f"profiles/{name}"
    except OSError:
        where, mend = f"profiles/{name}", "install the package again"
        raise PolicyError(where, "is not there", mend) from None


def load(
    path: Path,
    product: Product,
    instead: Mapping[Path, bytes | None] = NOTHING,
    excuse: Callable[[str], bool] = _never,
    folder: Path | None = None,
) -> Household:
    """The family's files, or what would stand ``instead`` in some of them (None: no file). ``folder``: where
    the profiles are, in place of what the settings say.

    Raises PolicyError for a `qalqan.yaml` that cannot be used, as where it names somebody who has no file,
    unless ``excuse`` lets that name (in small letters) be: then it is told as ``absent``.
    """
    words = vocabulary(product)
    source = instead.get(path) or read_source(path)
    read = read_config(path, words.is_public_suffix, source)
    profiles: dict[str, Profile] = {}
    problems: dict[str, PolicyError] = {}
    doubtful: dict[str, str] = {}
    for file in profile_files(folder or Path(read.profiles), instead):
        text = b""
        try:
            text = instead.get(file) or read_bounded(file)
            one = _parse(text, file, product, words)
            problem = profile.conflict(one, profiles.values(), str(file), text)
        except PolicyError as error:
            problem = error
        if problem is None:
            profiles[one.id] = one
        else:
            problems[file.name] = problem
            doubtful |= dict.fromkeys(_macs_in(text), file.name)
    household = assembled(read, product.bands, profiles, problems, doubtful)
    return replace(household, absent=check_names(household, str(path), source, excuse))


def load_profile(path: Path, product: Product, days_of: DaysOf | None = None) -> Profile:
    """One profile's file, wherever it lies; ``days_of`` in place of its calendars. Raises PolicyError."""
    words = vocabulary(product)
    return _parse(read_bounded(path), path, product, words, days_of)


def profile_of(source: bytes, path: Path, product: Product) -> Profile:
    """What a file said once; the days of its calendars are nobody's business. Raises PolicyError."""
    words = vocabulary(product)
    return _parse(source, path, product, words, lambda _calendar: frozenset())


def _parse(
    source: bytes, file: Path, product: Product, words: Vocabulary, days_of: DaysOf | None = None
) -> Profile:
    days_of = days_of or calendars_beside(file)
    return profile.parse_profile(source, str(file), file.stem, product.bands, words, days_of)


def _macs_in(text: bytes) -> frozenset[str]:
    """What looks like a device's address in a file that cannot be used."""
    written = (parse_mac(one.decode("ascii")) for one in _MAC.findall(text))
    return frozenset(mac for mac in written if mac is not None)


def profile_files(folder: Path, instead: Mapping[Path, bytes | None] = NOTHING) -> list[Path]:
    """One a child, in order of their names; those of ``instead`` as they would be. Raises PolicyError."""

    def listed() -> list[Path]:
        there = {one for one in folder.iterdir() if one.suffix.lower() in SUFFIXES and one.name[0] != "."}
        for path, text in instead.items():
            if path.parent == folder:
                (there.discard if text is None else there.add)(path)
        return sorted(there)

    files = attempt(folder, listed)
    if len(files) > MAX_PROFILES:
        problem, mend = f"has {len(files)} profiles", f"keep at most {MAX_PROFILES}"
        raise PolicyError(str(folder), problem, mend)
    return files
