"""The current rules and lists. If a file is broken, its last good version stays in force."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from gateway.age.bands import AgeBand
from gateway.core.bus import Bus
from gateway.core.errors import GatewayError, ListError, PolicyError
from gateway.core.files import read_bounded, write_atomically
from gateway.core.turns import Steps, finish
from gateway.feed.data_set import DataSet
from gateway.household import loading as household
from gateway.household.calendars import CalendarDays, free_days
from gateway.household.config_file import (
    LAST_GOOD,
    NOTHING,
    SettingsContents,
    config_in_use,
    content_of,
    keep_good_settings,
    router_file,
    settings_contents,
    with_last_good,
)
from gateway.household.file_history import FileHistory
from gateway.household.loading import (
    SUFFIXES,
    ParsedProfiles,
    Product,
    load_config,
    profile_files,
    profile_of,
)
from gateway.lists.public_suffixes import lazy_public_suffix_check
from gateway.lists.sealed import SealedShelf, SealedState
from gateway.lists.table import TABLE_NAME, StoredTable, open_table, seed_table
from gateway.policy.alerts.cards import CardTopic
from gateway.policy.alerts.menus import Menu
from gateway.policy.config.config import Config
from gateway.policy.config.registers import in_force
from gateway.policy.identity.sightings import Sighting
from gateway.policy.judge.world import World
from gateway.policy.names.countries import Country, HelpLine, country_of
from gateway.policy.names.domain_table import DomainTable
from gateway.policy.profile.household import Household, keep_last_good
from gateway.policy.profile.profile import Profile
from gateway.policy.sealed.sealed_set import SealedSets
from gateway.policy.time.schedule import Calendar

PACKAGED = "Until then only the packaged lists filter."
PREVIOUS = "Until then the previous table is in use."
GOOD_PROFILES = "good-profiles"  # folder in the state directory with the last good version of each profile
Stamp = tuple[int, int]
"""The time of the last change of a file, in nanoseconds, and its size. Zeros: there is no such file."""
DAYS_SUFFIX = ".days"  # suffix of the file with the free days of a profile's calendars

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RulesRead:
    """Published on the event bus when the rule files were read again, or an edit was applied."""


@dataclass(frozen=True, slots=True)
class CategoryTableLost:
    """Published on the event bus when the category table is found damaged, possibly during a look-up."""


@dataclass(frozen=True, slots=True)
class LearnedAddresses:
    """Functions that check whether DNS gave an address for a help line, safe search or Wi-Fi calling.

    Addresses are packed. The defaults know no address.
    """

    is_help: Callable[[str, bytes], bool] = lambda host, address: False  # noqa: ARG005
    is_safe_search: Callable[[str, bytes], bool] = lambda name, address: False  # noqa: ARG005
    is_calling: Callable[[bytes], bool] = lambda address: False  # noqa: ARG005


class RuleBook:
    """The current rules and the data for decisions: ``household``, ``world`` and ``calendar``.

    `reload` replaces all three together.
    """

    def __init__(
        self,
        path: Path,
        product: Product | None = None,
        bus: Bus | None = None,
        learned: LearnedAddresses | None = None,
        calendars: CalendarDays = free_days,
    ) -> None:
        """Read the rule files, the lists and the packaged data. ``product``: that data, if already loaded.

        ``calendars``: returns a calendar file's free days; the default waits for the parser's
        process. Raises PolicyError for damaged packaged data, or an unusable qalqan.yaml without a usable
        last good version.
        """
        self.path = path
        self._calendars = calendars
        self._parsed = ParsedProfiles()
        self._ahead: dict[DataSet, Product | PolicyError | OSError] = {}  # loaded for the next reload
        self._bus = bus or Bus()
        self._learned = learned or LearnedAddresses()
        self._data_problem = ""
        self._product = self._newest_product(product)
        self._histories: dict[Path, FileHistory] = {}
        first = self._first()
        self._product = self._product.with_own(first.config)
        self.household = recall_good(first, self._product)
        self._read_files = self._stamps()
        self._unread: tuple[Mapping[Path, Stamp], list[str]] = self._read_files, []
        self._list_problem = ""
        self.table = self._first_table()  # the category table
        self._sealed = SealedSets()
        self.sealed: tuple[SealedState, ...] = ()  # the loaded list of each source
        self._load_sealed()
        self._calendar: tuple[Config, Calendar] | None = None
        self.names = self._product.names
        self.world = self._world()
        self._report()

    def _first(self) -> Household:
        """Return the household in the rule files at a start, after undoing an interrupted change.

        A profile in qalqan.yaml whose file was deleted is reported; the daemon still starts.
        """
        found = self._load(excuse=_any_profile)
        home_changed = self.history(self.path.parent).recover()
        if self.history(Path(found.config.profiles)).recover() or (home_changed and found.config.problems):
            found = self._load(excuse=_any_profile)
        return found

    def _load(
        self, instead: Mapping[Path, bytes | None] = NOTHING, *, excuse: Callable[[str], bool]
    ) -> Household:
        return household.load_in_use(self.path, self._product, instead, excuse, self._calendars, self._parsed)

    def _first_table(self) -> DomainTable:
        """Return the stored category table, or the packaged one if that is damaged or was never built."""
        try:
            return open_table(Path(self.household.config.state), self._lost)
        except ListError as error:
            self._list_problem = f"{error}. {PACKAGED}"
            return seed_table()

    def _lost(self) -> None:
        """Report that the file of the open table is damaged.

        The table now contains the packaged lists only.
        """
        if isinstance(self.table, StoredTable):
            self._list_problem = f"{self.table.lost}. {PACKAGED}"
            _log.error("%s", self._list_problem)
            self._bus.publish(CategoryTableLost())

    @property
    def table_damaged(self) -> bool:
        """Return whether the last reload or look-up found the stored category table damaged."""
        return bool(self._list_problem)

    def history(self, folder: Path) -> FileHistory:
        """Return the stored changes of a folder's files: that of qalqan.yaml or that of the profiles."""
        return self._histories.setdefault(folder, FileHistory(folder))

    def profile_of(self, source: bytes, path: Path) -> Profile:
        """Return the profile in ``source``, the text of the rule file ``path``, without its calendars.

        Raises PolicyError.
        """
        return household.profile_of(source, path, self._product)

    def is_appliance(self, sight: Sighting) -> bool:
        """Return whether a device is clearly an appliance such as a printer or a lamp."""
        return self._product.fingerprints.is_appliance(sight)

    def kind_of(self, sight: Sighting) -> str:
        """Return the type of a device, such as phone or TV, by its observed traits; empty if unknown."""
        return self._product.fingerprints.kind_of(sight)

    def menus(self, topic: CardTopic, sight: Sighting | None) -> tuple[Menu, ...]:
        """Return the menu paths on a device to the setting that a bypass alert about ``topic`` names.

        They are chosen by the traits in ``sight``: by fingerprint, else by device type. None: those for an
        unknown device.
        """
        found = None if sight is None else self._product.fingerprints.find(sight)
        kind = "" if sight is None else sight.traits.kind
        return self._product.menus.of(topic, "" if found is None else found.id, kind)

    def keep_good(self) -> None:
        """Store copies of the usable rule files. A later start uses them in place of broken files."""
        finish(self.keep_good_steps())

    def keep_good_steps(self) -> Steps[None]:
        """Return steps (a generator) that do what `keep_good` does, one file a step.

        Each write waits for the disk. The files are read at the call: later they may differ from the ones
        that were checked.
        """
        return self._keep_good(store_good(self.household), self._checked_settings())

    def _keep_good(self, profiles: Steps[None], settings: SettingsContents) -> Steps[None]:
        yield from profiles
        try:
            keep_good_settings(self.path, settings)
        except OSError as error:
            _log.warning("Storing the last good settings failed: %s.", error)

    def _checked_settings(self) -> SettingsContents:
        """Return the contents of the files with the settings; none if they are not in force.

        They are not if the last good settings apply, or if a file has changed since the rules were read.
        """
        if any(line.endswith(LAST_GOOD) for line in self.household.config.problems):
            return {}
        try:
            found = settings_contents(self.path)
        except (OSError, PolicyError) as error:
            _log.warning("Storing the last good settings failed: %s.", error)
            return {}
        changed = any(_stamp(file) != self._read_files.get(file) for file in found)
        return {} if changed else found

    @property
    def has_good_copies(self) -> bool:
        """Return whether an earlier start, or `keep_good`, has stored a copy of a profile."""
        copies = _good_folder(self.household).glob("*")
        return any(copy.suffix.lower() in SUFFIXES for copy in copies)

    def settle(self, hold: Callable[[str, AgeBand], AgeBand], laid: Callable[[Profile], Profile]) -> None:
        """Limit the profiles' log levels, and add the times that children set for themselves.

        Both are not in the rule files.

        Arguments:
            hold: returns the highest age group that a child ever had; it limits the child's log level.
            laid: adds the times that a child set for itself to a profile.
        """
        household = self.household
        self.household = household.with_profiles(
            {
                key: laid(profile.with_log_level(hold(key, profile.band), household.bands))
                for key, profile in household.profiles.items()
            }
        )

    def _world(self) -> World:
        config = self.household.config
        return replace(
            self._product.world(config.languages, config.web.https),
            table=self.table,
            help_address=self._learned.is_help,
            safe_address=self._learned.is_safe_search,
            calling_address=self._learned.is_calling,
            sealed=self._sealed.holds,
            registers=in_force(config.registers),
        )

    def _load_sealed(self) -> None:
        """Load the sealed lists: hashed host names that are blocked for everyone.

        Lists that are damaged or have a wrong signature are reported and ignored.
        """
        config = self.household.config
        self._sealed, self.sealed = SealedShelf(Path(config.state)).load(config.sealed)

    def read_sealed(self) -> bool:
        """Read the sealed lists (hashed host names blocked for everyone) from the disk, and apply them.

        Return True if one of them changed.
        """
        before = self._sealed.ids
        self._load_sealed()
        if self._sealed.ids == before:
            return False
        self.world = self._world()
        return True

    @property
    def calendar(self) -> Calendar:
        """The household's calendar: time zone, holidays, start of day and week.

        It is cached, because its holidays take half a millisecond.
        """
        config = self.household.config
        if self._calendar is None or self._calendar[0] is not config:
            self._calendar = config, self._product.calendar(config)
        return self._calendar[1]

    @property
    def ech_names(self) -> frozenset[str]:
        return self._product.ech_names

    @property
    def help_names(self) -> tuple[str, ...]:
        return self._product.help_names

    @property
    def safe_names(self) -> tuple[str, ...]:
        """The host names of the safe modes of search engines and video sites."""
        return self._product.safe_names

    @property
    def binds_everyone(self) -> bool:
        """Return True if a loaded list or state register applies to everyone.

        DNS of unfiltered devices is then checked too.
        """
        binding = self._product.categories.binding | self.world.registers.keys()
        listed = binding & self.table.known_categories
        return bool(listed) or bool(self._sealed)

    @property
    def for_everyone(self) -> tuple[str, ...]:
        """The categories of the loaded lists that apply to everyone, without sealed lists."""
        known = self._product.categories
        return tuple(
            category
            for category in sorted(known.binding - known.sealed)
            if category in self.table.known_categories
        )

    def help_lines(self, country: str) -> tuple[HelpLine, ...]:
        """Return the help lines to show in a country, each with phone number, message address or site."""
        return self._product.help_lines(country)

    def country(self) -> Country | None:
        """Return the household's country; None if it is not set."""
        return country_of(self._product.countries, self.household.config.country)

    def rights(self, country: str) -> tuple[HelpLine, ...]:
        """Return the offices in a country that receive complaints, also about this filter."""
        return self._product.rights(country)

    def steps_ahead(self, instead: Mapping[Path, bytes | None] = NOTHING) -> Steps[None]:
        """Return steps (a generator) that load a new data set of the feed and parse changed profiles.

        The next reload is then short. Errors are left to that reload. ``instead``: contents that will replace
        those of the files, as for `with_files`.
        """
        try:
            yield from self._product_steps()
            product = self._product_ahead(instead)
            sources = self._sources(instead)
        except PolicyError:
            return  # the reload reports it
        words = household.vocabulary(product)
        for file, source in sources.items():
            if not self._parsed.has(source, file, product):
                with suppress(PolicyError):
                    self._parsed.profile(source, file, product, words)
                yield

    def _product_steps(self) -> Steps[None]:
        """Return steps (a generator) that load the product data that the next reload uses.

        A data set that cannot be loaded is stored with its error.
        """
        config = config_in_use(self.path, lazy_public_suffix_check())
        while (data := household.data_to_load(config, self._product, self._ahead)) is not None:
            yield
            try:
                self._ahead[data] = yield from household.product_steps(data)
            except (PolicyError, OSError) as error:
                self._ahead[data] = error.with_traceback(None)

    def _product_ahead(self, instead: Mapping[Path, bytes | None]) -> Product:
        """Return the product data (categories, services, age groups) of the next reload.

        It has the family's services and lists too. Raises PolicyError.
        """
        product, lenient = self._newest_product(self._product), self.path not in instead
        config = with_last_good(
            self.path, instead, lambda contents: load_config(self.path, product, contents, lenient=lenient)
        )
        return product.with_own(config)

    def _sources(self, instead: Mapping[Path, bytes | None]) -> Mapping[Path, bytes]:
        files = profile_files(Path(self.household.config.profiles), instead)
        return {file: content_of(file, instead) for file in files}

    def reload(self, *, keep: bool = True) -> None:
        """Read rule files, lists and a new data set of the feed, and apply them.

        ``keep``: store copies of the usable files; else the caller does so, by `keep_good_steps`.

        If the table is damaged, the previous one stays. If qalqan.yaml is unusable, its last good version
        applies. Raises PolicyError with all rules unchanged if there is none.
        """
        before, self._product = self._product, self._newest_product(self._product)
        self._ahead.clear()
        try:
            found = self.with_files({})
        except PolicyError:
            self._product = before
            raise
        self.names, self._calendar = self._product.names, None
        self._take(found, keep=keep)
        self._load_sealed()
        self._reload_table()
        self.world = self._world()
        self._report()

    def _reload_table(self) -> None:
        """Open the stored category table, unless the open one is the same file, damaged or not.

        If the stored one is damaged, the previous one stays.
        """
        old, state = self.table, Path(self.household.config.state)
        self._list_problem = ""
        if isinstance(old, StoredTable) and old.is_file(state / TABLE_NAME):
            self._list_problem = f"{old.lost}. {PACKAGED}" if old.lost else ""
        else:
            try:
                self.table = open_table(state, self._lost)
                old.close()
            except ListError as error:
                self._check_table()
                whole = isinstance(old, StoredTable) and not old.lost
                self._list_problem = f"{error}. {PREVIOUS if whole else PACKAGED}"
        if self._list_problem:
            self._bus.publish(CategoryTableLost())

    def verify_table_steps(self) -> Steps[None]:
        """Return steps (a generator) that check the seal of the open category table, once for each file.

        A start and a reload do not: it reads the whole file. `CategoryTableLost` reports a damaged one.
        """
        if isinstance(self.table, StoredTable):
            yield from self.table.verify_steps()

    def _newest_product(self, current: Product | None) -> Product:
        """Return the newest product data (categories, services, age groups): ``current`` or another data set.

        ``current`` is returned if it is the newest that can be used. Raises PolicyError if
        qalqan.yaml or the packaged data is unusable.
        """
        config = config_in_use(self.path, lazy_public_suffix_check())
        product, self._data_problem = household.product_in_use(config, current, self._ahead)
        return product

    def _check_table(self) -> None:
        if isinstance(self.table, StoredTable):
            self.table.check()

    def with_files(self, instead: Mapping[Path, bytes | None]) -> Household:
        """Return the household with the contents of ``instead`` (None: no file), without applying it.

        While qalqan.yaml is unusable, its last good version applies, unless ``instead`` has another. Raises
        PolicyError if it is unusable otherwise, or names a profile without a file, unless the file was
        already missing.
        """
        return self._load(instead, excuse=self.household.absent.__contains__)

    def staged(self, instead: Mapping[Path, bytes | None], folder: Path) -> Household:
        """Return the household with the contents of ``instead`` and the profiles in another folder.

        Calendars that were never parsed are ignored; their parsing begins. Raises PolicyError if qalqan.yaml
        is unusable, or names a profile without a file.
        """
        return household.load(
            self.path,
            self._product,
            instead,
            folder=folder,
            calendars=self._calendars,
            cache=self._parsed,
            staged=True,
        )

    def read_calendars(self) -> bool:
        """Read the rule files again, with the days of calendars parsed meanwhile, and apply them.

        Return False, with the rules unchanged, if the files cannot be used.
        """
        try:
            self.adopt(self.with_files({}))
        except PolicyError as error:
            _log.error("Applying the days of a calendar failed: %s. Keeping the previous rules.", error)
            return False
        return True

    def adopt(self, new: Household) -> None:
        """Apply a household that `with_files` returned, and store copies of its usable files.

        Publishes `RulesRead`, and logs a line for each problem. The lists stay as they are.
        """
        self._take(new)
        self.world = self._world()
        self._report()

    def _take(self, new: Household, *, keep: bool = True) -> None:
        self.household = keep_last_good(new, self.household)
        self._product = self._product.with_own(new.config)
        self.names = self._product.names
        self._read_files = self._stamps()
        if keep:
            self.keep_good()
        self._bus.publish(RulesRead())

    @property
    def product(self) -> Product:
        """The data in use: services, categories, age groups and more, with those of the family."""
        return self._product

    def _report(self) -> None:
        for line in self.problems():
            _log.error("%s", line)
        for profile in self.household.profiles.values():
            if profile.warning is not None:
                _log.warning("%s", profile.warning)

    def problems(self) -> list[str]:
        """Return one line for each unusable file or list, and for each doubtful setting in a file.

        Doubtful is, for instance, a family's own service with the id of a packaged one.
        """
        self._check_table()
        wrong = (*self.household.problems.values(), *self.household.absent.values())
        config = self.household.config
        found = [*config.problems, *config.brand.problems, *map(str, wrong), *self._replaced_services()]
        found += self._unread_problems()
        return [*found, *filter(None, (self._data_problem, self._list_problem))]

    def _unread_problems(self) -> list[str]:
        """Return one line for each broken file that was changed since the rules were read.

        Without this, a mistake in a file would show only after the next boot.
        """
        stamps = self._stamps()
        if stamps == self._read_files:
            return []
        if stamps != self._unread[0]:
            changed = [file for file, stamp in stamps.items() if self._read_files.get(file) != stamp]
            lines = [line for file in changed for line in self._problems_in(file)]
            self._unread = stamps, list(dict.fromkeys(lines))
        return self._unread[1]

    def _problems_in(self, file: Path) -> tuple[str, ...]:
        try:
            if file.parent != Path(self.household.config.profiles):
                return config_in_use(self.path, lazy_public_suffix_check()).problems
            self.profile_of(read_bounded(file), file)
        except PolicyError as error:
            return (f"{error}. The file was changed but not read yet; the previous version applies.",)
        return ()

    def _stamps(self) -> Mapping[Path, Stamp]:
        """Return the time of the last change and the size of each rule file."""
        try:
            profiles = profile_files(Path(self.household.config.profiles))
        except PolicyError:
            profiles = []  # reading the rules reports it
        return {file: _stamp(file) for file in (self.path, router_file(), *profiles) if file is not None}

    def _replaced_services(self) -> list[str]:
        packaged = self._product.catalogue.packaged
        return [
            f"{self.path}: services: '{service.id}' is a service of the catalogue too, which yours replaces. "
            "Give yours another id."
            for service in self.household.config.services
            if service.id in packaged
        ]


def _stamp(file: Path) -> Stamp:
    try:
        found = file.stat()
    except OSError:
        return 0, 0
    return found.st_mtime_ns, found.st_size


def _any_profile(who: str) -> bool:  # noqa: ARG001
    return True


def recall_good(read: Household, product: Product) -> Household:
    """Return ``read`` with the stored good version of each profile whose file is broken.

    Profiles with calendars that are not parsed yet get the stored free days. The problems stay reported.
    Without this, a typing error followed by a power cut would leave a child's
    device unfiltered. The same is true after a downgrade, for a rule that only the newer version knows.
    """
    kept = {}
    for name in read.problems:
        profile = next(_good_versions(read, name, product), None)
        if profile is not None:
            kept[profile.id] = replace(profile, free_days=_kept_days(_good_folder(read) / name))
    for file in profile_files(Path(read.config.profiles)):
        found = read.profiles.get(file.stem)
        if found is not None and not found.days_known:
            kept[found.id] = replace(found, free_days=_kept_days(_good_folder(read) / file.name))
    return keep_last_good(read, read.with_profiles(kept)) if kept else read


def _good_versions(read: Household, name: str, product: Product) -> Iterator[Profile]:
    """Yield the stored versions of a profile's file that this version can read, the newest first."""
    file = _good_folder(read) / name
    with suppress(GatewayError):
        yield profile_of(read_bounded(file), file, product)
    # A newer version has stored what it can read itself. The version before the family's edit is older.
    history = FileHistory(Path(read.config.profiles))
    for step in reversed(list(history.steps.values())):
        with suppress(GatewayError):
            data = history.content(step, name) if name in step.before else None
            if data is not None:
                yield profile_of(data, file, product)


def store_good(read: Household) -> Steps[None]:
    """Return steps (a generator) that copy the usable profile files to the state directory.

    They also delete the copies of removed files. The files are read at the call: later they may differ from
    ``read``. Errors are logged.
    """
    try:
        files = profile_files(Path(read.config.profiles))
        return _store_good(read, {file.name: file.read_bytes() for file in files})
    except (OSError, GatewayError) as error:
        _log.warning("Storing the last good profiles failed: %s.", error)
        return _store_good(read, {})


def _store_good(read: Household, sources: Mapping[str, bytes]) -> Steps[None]:
    folder = _good_folder(read)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for copy in folder.iterdir():
            if sources and copy.name.removesuffix(DAYS_SUFFIX) not in sources:
                copy.unlink()
        for name, source in sources.items():
            found = read.profiles.get(Path(name).stem)
            if found is None or (name in read.problems and found.calendar_problem is None):
                continue
            if _copy_good(source, folder / name):
                yield
            _keep_days(found.free_days, folder / f"{name}{DAYS_SUFFIX}")
    except OSError as error:
        _log.warning("Storing the last good profiles failed: %s.", error)


def _copy_good(data: bytes, copy: Path) -> bool:
    """Write ``data`` to the file ``copy``, unless it has this content already: that spares flash memory.

    Return whether it was written.
    """
    if copy.exists() and copy.read_bytes() == data:
        return False
    write_atomically(copy, data)
    return True


def _keep_days(days: frozenset[date], copy: Path) -> None:
    if days:
        _copy_good("\n".join(sorted(map(str, days))).encode(), copy)
    else:
        copy.unlink(missing_ok=True)


def _kept_days(file: Path) -> frozenset[date]:
    """Return the free days stored with the copy of a profile; none if they cannot be read."""
    try:
        text = file.with_name(f"{file.name}{DAYS_SUFFIX}").read_text("ascii")
        return frozenset(date.fromisoformat(day) for day in text.split())
    except (OSError, ValueError):
        return frozenset()


def _good_folder(read: Household) -> Path:
    return Path(read.config.state) / GOOD_PROFILES
