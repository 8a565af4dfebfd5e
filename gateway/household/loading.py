"""Reads the rule files and the packaged data from the disk into values of ``gateway.policy``.

This module handles paths and file system errors; ``gateway.policy`` parses the contents. A broken profile is
reported, and the others are loaded. A broken ``qalqan.yaml`` raises an error.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from hashlib import blake2b
from itertools import count
from pathlib import Path
from types import MappingProxyType

from gateway.age.bands import AgeBand
from gateway.core.errors import PolicyError
from gateway.core.files import attempt, read_bounded
from gateway.core.turns import Steps, finish
from gateway.feed.data_set import DataSet, delivered_data, packaged_data
from gateway.household.calendars import CalendarDays, free_days
from gateway.household.config_file import (
    NOTHING,
    config_from,
    content_of,
    parse_settings,
    read_source,
    with_last_good,
)
from gateway.lists.own_lists import lists_file, read_own
from gateway.lists.public_suffixes import lazy_public_suffix_check
from gateway.policy.alerts.menus import Menus, parse_menus
from gateway.policy.config.config import KEYS, QUARANTINE, Config
from gateway.policy.config.registers import COUNTRY_NAMES
from gateway.policy.config.web import Https
from gateway.policy.identity.fingerprints import Fingerprints, parse_fingerprints
from gateway.policy.identity.macs import parse_mac
from gateway.policy.judge.explanation import Names
from gateway.policy.judge.world import GATEWAY_NAME, World
from gateway.policy.names import packs
from gateway.policy.names.categories import Categories, parse_categories
from gateway.policy.names.countries import (
    Country,
    HelpLine,
    calling_names,
    country_of,
    first_weekday,
    help_names,
    lines_for,
    parse_country,
    rights_for,
)
from gateway.policy.names.hosts import HostMap, PublicSuffixCheck, host_map
from gateway.policy.names.name_words import NameWords, parse_name_words
from gateway.policy.names.resolvers import Resolvers, parse_resolvers
from gateway.policy.names.services import Catalogue, Service, parse_group, parse_own_services
from gateway.policy.profile import bands, profile
from gateway.policy.profile.bands import Bands
from gateway.policy.profile.household import Household, assembled
from gateway.policy.profile.laws import unknown_entries
from gateway.policy.profile.profile import Profile
from gateway.policy.profile.rule_file import Vocabulary
from gateway.policy.profile.rules import Laws
from gateway.policy.time.schedule import Calendar
from gateway.policy.yaml.documents import locate
from gateway.policy.yaml.fields import Fields, shown
from gateway.policy.yaml.fields import Mapping as Document

HOLIDAY_YEARS = range(2024, 2041)  # the data has movable holidays for fewer of these years
MAX_PROFILES = 64  # enough for a large family
SUFFIXES = (".yaml", ".yml")

_MAC = re.compile(rb"(?<![0-9A-Za-z])[0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){5}(?![0-9A-Za-z])")

_Steps = tuple[Callable[[str], bool] | int, ...]
"""The path to a place in a file, as for `locate`."""


@dataclass(frozen=True, slots=True, eq=False)
class Product:
    """The product's data: categories, services, age groups, countries, laws, resolvers and more.

    A newer data set of the signed feed replaces the packaged catalogue and some other parts (``data``).
    """

    data: DataSet
    categories: Categories
    catalogue: Catalogue
    bands: Bands
    needs: HostMap[str]  # names that devices need, such as for updates: the type of need (`packs.NEEDS`)
    engines: HostMap[packs.Engine]  # search engines and video sites with a safe mode
    sites: tuple[packs.Site, ...]  # approved for certain age groups
    countries: Mapping[str, Country]  # by code
    laws: Laws  # of all countries, by id
    help: HostMap[str]  # names of help lines and of what their pages need: the line's English name
    calling: HostMap[str]  # carriers' names for Wi-Fi calling: the carrier's English name
    ech_names: frozenset[str]  # public names that clients send in clear text with Encrypted Client Hello
    resolvers: Resolvers
    words: NameWords
    fingerprints: Fingerprints
    menus: Menus
    own_services: tuple[Service, ...] = ()  # of the family, which the catalogue has too
    own_lists: Mapping[str, str] = field(default_factory=dict)  # names of its lists that are categories

    @property
    def help_names(self) -> tuple[str, ...]:
        """The host names of help lines. The gateway resolves them itself."""
        return tuple(self.help)

    @property
    def safe_names(self) -> tuple[str, ...]:
        """The host names of the safe modes of search engines and video sites, without IPv4 addresses."""
        engines = {engine for host in self.engines if (engine := self.engines.get(host)) is not None}
        names = {name for engine in engines for name in (engine.strict, engine.moderate)}
        return tuple(sorted(name for name in names if not name[-1].isdigit()))

    @property
    def names(self) -> Names:
        """The English names of services, categories, groups, laws and countries, for messages."""
        return Names(
            services={service.id: service.name for service in self.catalogue.services.values()},
            categories={category.id: category.name["en"] for category in self.categories.by_id.values()},
            groups={group.id: group.name["en"] for group in self.catalogue.groups.values()},
            laws={law.id: law.name["en"] for law in self.laws.values()},
            states=COUNTRY_NAMES,
        )

    def with_own(self, config: Config) -> Product:
        """Return the product data with the services and lists that the family defines in ``config``.

        The lists become categories. Both replace those of an earlier config. Returns ``self`` if nothing
        changed.
        """
        product = self
        if config.services != self.own_services:
            catalogue = self.catalogue.with_own(config.services)
            product = replace(product, catalogue=catalogue, own_services=config.services)
        if config.own_lists != self.own_lists:
            categories = self.categories.with_own_lists(config.own_lists)
            product = replace(product, categories=categories, own_lists=config.own_lists)
        return product

    def help_lines(self, country: str) -> tuple[HelpLine, ...]:
        return lines_for(self.countries, country)

    def rights(self, country: str) -> tuple[HelpLine, ...]:
        return rights_for(self.countries, country)

    def holidays(self, country: str) -> Mapping[date, str]:
        """Return the public holidays of a country by date, with their English names, for HOLIDAY_YEARS.

        Empty for an unknown country, or none ("").
        """
        own = country_of(self.countries, country) if country else None
        if own is None:
            return {}
        return {day: name for year in HOLIDAY_YEARS for day, name in own.holidays(year, country).items()}

    def calendar(self, settings: Config) -> Calendar:
        """Return the household's time zone, holidays, start of day and week, without profiles' free days."""
        return Calendar(
            settings.zone,
            frozenset(self.holidays(settings.country)),
            settings.day_starts,
            week_starts=first_weekday(self.countries, settings.country),
        )

    def world(self, languages: tuple[str, ...], https: Https | None = None) -> World:
        """Return the data that decisions for every profile use, such as catalogue, categories and help lines.

        ``languages``: the languages whose packaged sites are included. ``https``: its name becomes one of the
        gateway's names. The daemon adds the category table and addresses learned from DNS.
        """
        return World(
            catalogue=self.catalogue,
            categories=self.categories,
            help=self.help,
            calling=self.calling,
            needs=self.needs,
            sites=tuple(site for site in self.sites if site.language in languages),
            engines=self.engines,
            resolvers=self.resolvers,
            words=self.words,
            gateway_names=frozenset({GATEWAY_NAME} if https is None else {GATEWAY_NAME, https.name}),
        )


_ParsedKey = tuple[int, str, bytes]
"""Number of the product, name of the file, and digest of its content."""


class ParsedProfiles:
    """Profiles, or errors, by the content of their files: a reload parses only the files that changed.

    Calendars are not read. Profiles of another data set, or of other own services, are stored separately: a
    restore and an update of the feed parse them ahead.
    """

    def __init__(self) -> None:
        self._data: dict[int, tuple[object, ...]] = {}  # of a product, by its number here
        self._profiles: dict[_ParsedKey, Profile | PolicyError] = {}
        self._numbers = count()

    def profile(self, source: bytes, file: Path, product: Product, words: Vocabulary) -> Profile:
        """Return the profile in ``source``, the text of ``file``; parse it if it is not stored.

        Raises PolicyError.
        """
        key = self._key(source, file, product)
        known = self._profiles.get(key)
        if known is None:
            known = self._profiles[key] = _parsed_or_error(source, file, product, words)
        if isinstance(known, PolicyError):
            raise known.with_traceback(None)
        return known

    def has(self, source: bytes, file: Path, product: Product) -> bool:
        """Return whether this content of the file was parsed with this data set and these own services."""
        return self._key(source, file, product) in self._profiles

    def keep(self, sources: Mapping[Path, bytes], product: Product) -> None:
        """Delete the stored profiles of all files, contents and data sets other than these.

        ``sources``: the contents by file.
        """
        keys = {self._key(source, file, product) for file, source in sources.items()}
        self._profiles = {key: known for key, known in self._profiles.items() if key in keys}
        used = {number for number, _, _ in self._profiles}
        self._data = {number: data for number, data in self._data.items() if number in used}

    def _key(self, source: bytes, file: Path, product: Product) -> _ParsedKey:
        data = (product.data, product.own_services, product.own_lists)
        number = next((number for number, known in self._data.items() if known == data), None)
        if number is None:
            number = next(self._numbers)
            self._data[number] = data
        return number, file.name, blake2b(source).digest()


def _parsed_or_error(source: bytes, file: Path, product: Product, words: Vocabulary) -> Profile | PolicyError:
    try:
        return profile.parse_profile(source, str(file), file.stem, product.bands, words)
    except PolicyError as error:
        return error


def _never(name: str) -> bool:  # noqa: ARG001
    return False


def load_product(is_public_suffix: PublicSuffixCheck = _never, data: DataSet | None = None) -> Product:
    """Return the packaged data, with the parts that ``data`` replaces. Raises PolicyError for damaged data.

    ``is_public_suffix`` checks the host names in the data. The default accepts all: the check takes 30 ms and
    2 MB, and the package build does it. Raises OSError if a file in a folder of the data cannot be read.
    """
    return finish(product_steps(packaged_data() if data is None else data, is_public_suffix))


def product_steps(root: DataSet, suffixes: PublicSuffixCheck = _never) -> Steps[Product]:
    """Return steps (a generator) that load the data as `load_product` does, one file a step.

    ``root``: the data set to load; ``suffixes``: checks the host names. The longest step takes 30
    ms, all together 270 ms. Raises PolicyError for damaged data.
    """
    categories = parse_categories(*_data(root, "categories.yaml"))
    known = categories.choosable
    groups = []
    for source, name in _folder(root, "services"):
        yield
        groups.append(parse_group(source, name, known, suffixes))
    yield
    catalogue = Catalogue(groups)
    words = Vocabulary(categories, catalogue, suffixes)
    read = []
    for source, name in _folder(root, "bands"):
        yield
        read.append(bands.parse_band(source, name, words))
    missing = set(AgeBand) - {item.band for item in read}
    if missing:
        where, fix = "profiles/bands", "install the package again"
        raise PolicyError(where, f"has no file for {min(band.value for band in missing)}", fix)
    needs: dict[str, str] = {}
    sites: list[packs.Site] = []
    for source, name in _folder(root, "starter"):
        yield
        if name.endswith("device-needs.yaml"):
            needs |= packs.parse_needs(source, name, suffixes)
        else:
            sites += packs.parse_sites(source, name, suffixes)
    countries = {}
    for source, name in _folder(root, "countries"):
        yield
        country = parse_country(source, name, suffixes)
        countries[country.code] = country
    laws = {law.id: law for country in countries.values() for law in country.laws}
    if unknown := unknown_entries(laws.values(), catalogue.services, known):
        where, fix = root.name_of("countries"), "install the package again"
        raise PolicyError(where, f"names what the catalogue has not: {unknown[0]}", fix)
    engines = packs.parse_engines(*_data(root, "safesearch.yaml"), suffixes)
    yield
    fingerprints = parse_fingerprints(*_data(root, "fingerprints.yaml")).fingerprints
    yield
    resolvers = parse_resolvers(*_data(root, "resolvers.yaml"), suffixes)
    yield
    name_words = parse_name_words(*_data(root, "name_words.yaml"), known, suffixes)
    yield
    menus = parse_menus(*_data(root, "menus.yaml"), fingerprints.ids)
    yield
    return Product(
        data=root,
        categories=categories,
        catalogue=catalogue,
        bands={item.band: item for item in read},
        needs=host_map(needs.items()),
        engines=host_map((name, engine) for engine in engines for name in engine.hosts),
        sites=tuple(sites),
        countries=countries,
        laws=laws,
        help=host_map(help_names(countries.values()).items()),
        calling=host_map(calling_names(countries.values()).items()),
        ech_names=packs.parse_ech_names(*_data(root, "ech.yaml")),
        resolvers=resolvers,
        words=name_words,
        fingerprints=fingerprints,
        menus=menus,
    )


def vocabulary(product: Product) -> Vocabulary:
    """Return the categories, services, laws and public-suffix check that rule files are validated against."""
    return Vocabulary(product.categories, product.catalogue, lazy_public_suffix_check(), product.laws)


def load_countries(
    is_public_suffix: PublicSuffixCheck = _never, data: DataSet | None = None
) -> Mapping[str, Country]:
    """Return the countries by code. The pages use the packaged ones while the daemon is unreachable.

    Raises PolicyError or OSError for damaged data.
    """
    root = packaged_data() if data is None else data
    read = (parse_country(source, name, is_public_suffix) for source, name in _folder(root, "countries"))
    return {item.code: item for item in read}


LoadedAhead = Mapping[DataSet, Product | PolicyError | OSError]
"""The products of data sets that were loaded before they are used, or the errors."""


def product_in_use(
    config: Config, current: Product | None = None, ahead: LoadedAhead = MappingProxyType({})
) -> tuple[Product, str]:
    """Return the product data with the newest usable data set, and why a newer one is not used (or "").

    It has the categories, services, age groups etc. ``current`` is returned if it has that data
    set. ``ahead``: data sets that were loaded before, or the errors. Raises PolicyError for damaged
    packaged data.
    """
    problem = ""
    for data in delivered_data(config):
        if current is not None and current.data == data:
            return current, problem
        try:
            return _loaded(data, ahead), problem
        except (PolicyError, OSError) as error:
            problem = problem or f"feed: the data of version {data.version} cannot be used: {error}"
    if current is not None and current.data.is_packaged:
        return current, problem
    return _loaded(packaged_data(), ahead), problem


def _loaded(data: DataSet, ahead: LoadedAhead) -> Product:
    found = ahead.get(data)
    if isinstance(found, PolicyError | OSError):
        raise found.with_traceback(None)
    return found or load_product(data=data)


def data_to_load(config: Config, current: Product, ahead: LoadedAhead) -> DataSet | None:
    """Return the data set that `product_in_use` would load; None if it would load none.

    It would load none if ``current`` has the newest usable one, or ``ahead`` (loaded before) has
    it.
    """
    for data in (*delivered_data(config), packaged_data()):
        if current.data == data or isinstance(ahead.get(data), Product):
            return None
        if data not in ahead:
            return data
    return None


def _folder(data: DataSet, folder: str) -> Iterator[tuple[bytes, str]]:
    place = data.place(folder)
    if not place.is_dir():
        return
    for file in sorted(place.iterdir()):
        if file.name.endswith(SUFFIXES):
            yield file.read_bytes(), data.name_of(f"{folder}/{file.name}")


def _data(data: DataSet, name: str) -> tuple[bytes, str]:
    try:
        return data.place(name).read_bytes(), data.name_of(name)
    except OSError:
        where, fix = data.name_of(name), "install the package again"
        raise PolicyError(where, "is not there", fix) from None


def load(
    path: Path,
    product: Product,
    instead: Mapping[Path, bytes | None] = NOTHING,
    excuse: Callable[[str], bool] = _never,
    folder: Path | None = None,
    calendars: CalendarDays = free_days,
    cache: ParsedProfiles | None = None,
    *,
    lenient: bool = False,
    staged: bool = False,
) -> Household:
    """Return the household that `qalqan.yaml` and the files of the profiles describe.

    Broken profiles are in its ``problems``. So are profiles with an unusable calendar, although they are in
    force. The services that the family defines are in its ``config``; `Product.with_own` adds them to the
    catalogue.

    Arguments:
        instead: contents that replace those of files (None: no file).
        excuse: returns whether a profile id (in lower case) in `qalqan.yaml` may lack a file. It is then
            reported in ``absent``.
        folder: the profiles' folder; by default that of the settings.
        calendars: reads a calendar; by default it waits for the parser.
        cache: the profiles of an earlier call; by default all files are parsed.
        staged: the household will not be applied, so ``cache`` keeps the profiles of other contents too.
        lenient: an invalid setting that filtering does not need gets its default, as in `read_config`.

    Raises:
        PolicyError: `qalqan.yaml` is unusable, names a profile without a file, or shares a device that a
            profile has; or the profiles' folder cannot be read, or has more than MAX_PROFILES files.
    """
    cache = ParsedProfiles() if cache is None else cache
    read = load_config(path, product, instead, lenient=lenient)
    product = product.with_own(read)
    words = vocabulary(product)
    profiles: dict[str, Profile] = {}
    problems: dict[str, PolicyError] = {}
    doubtful: dict[str, str] = {}
    sources: dict[Path, bytes] = {}
    for file in profile_files(folder or Path(read.profiles), instead):
        text = b""
        try:
            text = sources[file] = content_of(file, instead)
            parsed = cache.profile(text, file, product, words)
            problem = profile.conflict(parsed, profiles.values(), str(file), text)
        except PolicyError as error:
            problem = error
        if problem is None:
            found = profiles[parsed.id] = with_calendars(parsed, text, file, calendars)
            if found.calendar_problem is not None:
                problems[file.name] = found.calendar_problem
        else:
            problems[file.name] = problem
            doubtful |= dict.fromkeys(_macs_in(text), file.name)
    if not staged:
        cache.keep(sources, product)
    household = assembled(read, product.bands, profiles, problems, doubtful)
    source = content_of(path, instead, read_source)
    return replace(household, absent=_check_names(household, str(path), source, excuse))


def load_in_use(
    path: Path,
    product: Product,
    instead: Mapping[Path, bytes | None] = NOTHING,
    excuse: Callable[[str], bool] = _never,
    calendars: CalendarDays = free_days,
    cache: ParsedProfiles | None = None,
) -> Household:
    """Return the household as `load` does, with the last good settings if `qalqan.yaml` cannot be used.

    An invalid setting that filtering does not need gets its default. Both are in the ``problems``
    of its ``config``. A new `qalqan.yaml` in ``instead`` must be valid. The arguments are those of `load`.
    Raises PolicyError.
    """
    lenient = path not in instead
    return with_last_good(
        path,
        instead,
        lambda contents: load(path, product, contents, excuse, None, calendars, cache, lenient=lenient),
    )


def load_config(
    path: Path, product: Product, instead: Mapping[Path, bytes | None] = NOTHING, *, lenient: bool = False
) -> Config:
    """Return the settings in `qalqan.yaml`, with the services and list categories that the family defines.

    ``instead``, ``lenient``: as for `read_config`. Raises PolicyError.
    """
    document = parse_settings(path, instead)
    is_public_suffix = lazy_public_suffix_check()
    own = _own_services(document, product.categories, is_public_suffix)
    lists = _own_lists(path, product.categories)
    read = config_from(document, is_public_suffix, instead, lenient=lenient)
    return replace(read, services=own, own_lists=lists)


def _own_services(
    document: Document, categories: Categories, is_public_suffix: PublicSuffixCheck
) -> tuple[Service, ...]:
    """Return the services that the family defines in a parsed `qalqan.yaml`. Raises PolicyError."""
    part = Fields(document, KEYS)
    return part.read(
        "services", lambda node: parse_own_services(node, categories.choosable, is_public_suffix), ()
    )


def _own_lists(path: Path, categories: Categories) -> Mapping[str, str]:
    """Return the names of the family's lists that are a category; none if lists.yaml cannot be used.

    The requests about lists report the problem.
    """
    try:
        return read_own(lists_file(path), categories).categories
    except PolicyError:
        return {}


def load_profile(path: Path, product: Product) -> Profile:
    """Return the profile in a file, with its calendars. Raises PolicyError, also for an unusable calendar."""
    source = read_bounded(path)
    found = with_calendars(profile_of(source, path, product), source, path, free_days)
    if found.calendar_problem is not None:
        raise found.calendar_problem
    return found


def profile_of(source: bytes, path: Path, product: Product) -> Profile:
    """Return the profile in ``source``, the text of a profile's file, without its calendars.

    Raises PolicyError.
    """
    return profile.parse_profile(source, str(path), path.stem, product.bands, vocabulary(product))


def with_calendars(read: Profile, source: bytes, file: Path, calendars: CalendarDays) -> Profile:
    """Return the profile with the free days of its calendars, and the problem of the first unusable one.

    ``source``: the content of ``file``. Relative paths of calendars start at its folder. ``days_known`` is
    False if a calendar is unusable, or its days are not known yet (`CalendarDays`).
    """
    days: set[date] = set()
    known, problem = True, None
    for number, name in enumerate(read.rules.calendars):
        try:
            found = calendars(file.parent / name)
        except PolicyError as error:
            if problem is None:
                place = locate(source, str(file), "calendars".__eq__, number)
                problem = place.error(f"{shown(name)} {error.problem}", error.fix)
            found = None
        known &= found is not None
        days |= found or frozenset()
    if not read.rules.calendars:
        return read
    return replace(read, free_days=frozenset(days), days_known=known, calendar_problem=problem)


def _macs_in(text: bytes) -> frozenset[str]:
    """Return everything that looks like a MAC address in an unusable file."""
    written = (parse_mac(found.decode("ascii")) for found in _MAC.findall(text))
    return frozenset(mac for mac in written if mac is not None)


def profile_files(folder: Path, instead: Mapping[Path, bytes | None] = NOTHING) -> list[Path]:
    """Return the paths of the profiles' files, sorted.

    Hidden files are left out. ``instead``: files to add, or to leave out (None), in place of those on the
    disk. Raises PolicyError if the folder cannot be read, or has more than MAX_PROFILES files.
    """

    def listed() -> list[Path]:
        there = {file for file in folder.iterdir() if file.suffix.lower() in SUFFIXES and file.name[0] != "."}
        for path, text in instead.items():
            if path.parent == folder:
                (there.discard if text is None else there.add)(path)
        return sorted(there)

    files = attempt(folder, listed)
    if len(files) > MAX_PROFILES:
        problem, fix = f"has {len(files)} profiles", f"keep at most {MAX_PROFILES}"
        raise PolicyError(str(folder), problem, fix)
    return files


def _check_names(
    household: Household, file: str, source: bytes, excuse: Callable[[str], bool]
) -> dict[str, PolicyError]:
    """Check that each profile named in `qalqan.yaml` has a file, and that no shared device is in a profile.

    A broken file counts as a file. Return an error for each missing profile that ``excuse`` permits, by its
    id in lower case. Raises PolicyError for any other problem.
    """
    broken = {Path(name).stem.casefold() for name in household.problems}
    absent: dict[str, PolicyError] = {}
    settings = household.config

    def look_for(who: str, path: _Steps, fix: str, meanwhile: str) -> None:
        key = who.casefold()
        if household.find(who) is not None or key in broken or key in absent:
            return
        place, problem = locate(source, file, *path), f"there is no profile '{who}'"
        if not excuse(key):
            place.refuse(problem, fix)
        absent[key] = place.error(f"{problem}, so {meanwhile}", "put its file back, or take the name out")

    for mac, people in settings.shared.items():
        device = ("shared".__eq__, partial(_is_mac, mac))
        has = household.owner_of(mac)
        meanwhile = f"the device has the rules of {'guest' if has is None else has.id}"
        for number, who in enumerate(people):
            look_for(who, (*device, "people".__eq__, number), "name a profile's id", meanwhile)
        owner = next((profile for profile in household.profiles.values() if mac in profile.devices), None)
        if owner is not None:
            problem = f"the device is shared, and in the profile '{owner.id}' too"
            locate(source, file, *device).refuse(problem, "take it out of one of the two")
    places: list[tuple[str, tuple[str, ...]]] = [(settings.unknown_devices, ("unknown_devices",))]
    places += [(who, ("interfaces", name)) for name, who in settings.interfaces.items()]
    for who, path in places:
        if who != QUARANTINE:
            fix = "use guest, quarantine, home or a profile's id"
            steps = tuple(key.__eq__ for key in path)
            look_for(who, steps, fix, "new devices have the rules of guest")
    return absent


def _is_mac(mac: str, written: str) -> bool:
    return parse_mac(written) == mac
