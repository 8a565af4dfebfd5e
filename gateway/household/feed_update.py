"""Checks the signed feed, and puts a new data set in use after validating it. Runs outside the daemon."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from gateway.core.errors import GatewayError, ListError, PolicyError
from gateway.core.files import sync_folder, write_error_text
from gateway.core.http_client import Outside
from gateway.core.optional_packages import require
from gateway.feed import provider_files, status
from gateway.feed.bundle import pack, unpack
from gateway.feed.data_set import (
    FEED,
    DataSet,
    delivered_data,
    downloaded_table,
    packaged_data,
    read_data_set,
    stored_data,
)
from gateway.household import loading
from gateway.household.list_library import read_library
from gateway.lists.build import survey
from gateway.lists.public_suffixes import public_suffix_check
from gateway.lists.table import open_table
from gateway.policy.config.config import Config
from gateway.policy.config.list_tiers import ListTier
from gateway.policy.names.domain_table import TableRelease

if TYPE_CHECKING:
    from gateway.feed.client import FeedClient

KEPT = 2  # data sets: the daemon may still read the previous one
LOCK = "lock"  # file
NEW = "new"  # folder for a data set that is not complete yet
OLD = "old"  # folder of a data set that is being deleted


def update_feed(
    path: Path,
    config: Config,
    now: datetime,
    *,
    tier: ListTier | None = None,
    outside: Outside | None = None,
) -> int | None:
    """Download the newest data set of the signed feed and put it in use; delete those that the feed withdrew.

    Return the version of the data if it is another one now; None if it is as before. ``path`` is that of
    `qalqan.yaml`. With a ``tier``, its category table is downloaded too, unless it is in use already
    (`downloaded_table`). The provider's files are downloaded as well. The result, with problems of these
    files, is stored for `qalqan status`. ``outside`` is a parameter for tests. Raises GatewayError if the
    feed cannot be used: the data in use stays.
    """
    with _client(config, now, outside) as client:
        downloaded_table(Path(config.state)).unlink(missing_ok=True)
        version = _update_data(path, Path(config.state), client)
        if tier is not None:
            _download_table(config, client, tier, now)
        problem = "; ".join(_update_files(config, client))
    status.store_check(Path(config.state), now, problem)
    return version


def update_provider_files(config: Config, now: datetime, *, outside: Outside | None = None) -> list[str]:
    """Download the provider's files that changed. Return a line for each file that failed.

    ``outside`` is a parameter for tests. Raises GatewayError if the feed cannot be used.
    """
    with _client(config, now, outside) as client:
        return _update_files(config, client)


@contextmanager
def _client(config: Config, now: datetime, outside: Outside | None) -> Iterator[FeedClient]:
    """Yield the client of the feed while no other process uses the feed.

    If it fails, store the problem for `qalqan status`. Raises GatewayError, also if no feed is set or the
    disk fails.
    """
    if config.feed is None:
        msg = "feed: no address is set; add feed: {url: …} to qalqan.yaml (docs/providers/feed.md)"
        raise ListError(msg)
    state = Path(config.state)
    try:
        with _locked(state):
            require("tuf", "signed data feeds")
            from gateway.feed.client import FeedClient

            source = config.feed
            yield FeedClient(state, source.urls, Path(source.root), outside=outside)
    except GatewayError as error:
        status.store_check(state, now, str(error))
        raise
    except OSError as error:
        msg = f"feed: {state / FEED} cannot be written ({write_error_text(error)}); the previous data stays"
        status.store_check(state, now, msg)
        raise ListError(msg) from error


def _update_files(config: Config, client: FeedClient) -> list[str]:
    """Download the provider's files, and delete those that are not used any more.

    A release that the feed no longer has is deleted too: it is of another provider, or was withdrawn.
    Return a line for each file that failed. Raises OSError if the disk fails.
    """
    used = provider_files.named_files(config)
    provider = "" if config.feed is None else config.feed.provider
    folder = provider_files.provider_folder(Path(config.state))
    if not provider:
        (folder / provider_files.RELEASE).unlink(missing_ok=True)
        return [f"feed: {name} is named, but feed: {{provider: …}} is not set" for name in used]
    problems, kept = [], set(used)
    for name in (*used, provider_files.RELEASE):
        try:
            if client.provider_file(provider, name):
                kept.add(name)
            elif name in used:
                problems.append(f"feed: it has no file {provider}/{name}; ask the provider for it")
        except ListError as error:
            problems.append(str(error))
            kept.add(name)
    for file in folder.iterdir() if folder.exists() else ():
        if file.name not in kept:
            file.unlink()
    return problems


def _update_data(path: Path, state: Path, client: FeedClient) -> int | None:
    """Store the version that the feed has for this gateway, and delete versions that it withdrew.

    Return the version in use afterwards; None if it is the same as before.
    """
    packaged = packaged_data()
    stored = [data for data in stored_data(state) if data.format == packaged.format]
    before = max([packaged.version, *(data.version for data in stored)])
    offer = client.newest(packaged.format, packaged.version, [data.version for data in stored])
    if offer.bundle is not None:
        try:
            _store(path, state, offer.bundle, offer.version)
        finally:
            offer.bundle.unlink(missing_ok=True)
    for data in stored:
        if data.version > offer.version:
            _delete(data)
    for data in stored_data(state)[KEPT:]:
        _delete(data)
    after = max(packaged.version, offer.version)
    return None if after == before else after


def _store(path: Path, state: Path, bundle: Path, version: int) -> None:
    """Unpack and validate a bundle, and store it. Raises PolicyError, ListError or OSError."""
    with _new_folder(state) as folder:
        unpack(bundle, folder)
        data = read_data_set(folder)
        if (data.format, data.version) != (packaged_data().format, version):
            msg = f"feed: the bundle is version {data.version}, not {version} as signed"
            raise ListError(msg)
        validate(data, path)
        for written in folder.rglob("*"):
            _sync(written)
        place = state / FEED / str(version)
        shutil.rmtree(place, ignore_errors=True)  # a damaged one
        folder.rename(place)
        sync_folder(state / FEED)


def _download_table(config: Config, client: FeedClient, tier: ListTier, now: datetime) -> None:
    """Download the table of a tier that belongs to the data in use, unless it is in use already."""
    state, packaged = Path(config.state), packaged_data()
    data = next(iter(delivered_data(config)), packaged)
    wanted = TableRelease(data.version, tier)
    try:
        table = open_table(state)
    except ListError:
        in_use = None  # damaged
    else:
        in_use = table.info.release
        table.close()
    if in_use != wanted:
        client.table(packaged.format, wanted, now)


@contextmanager
def _locked(state: Path) -> Iterator[None]:
    """Keep other processes from checking the feed meanwhile. The lock ends with the process.

    Raises ListError if another process checks it now.
    """
    (state / FEED).mkdir(parents=True, exist_ok=True)
    with (state / FEED / LOCK).open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            msg = "feed: another check of the feed is running; try again when it has ended"
            raise ListError(msg) from error
        yield


@contextmanager
def _new_folder(state: Path) -> Iterator[Path]:
    """Yield an empty folder for a data set. It is deleted at the end, unless it was renamed."""
    folder = state / FEED / NEW
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _sync(path: Path) -> None:
    if path.is_dir():
        sync_folder(path)
        return
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def validate(data: DataSet, path: Path | None = None) -> None:
    """Raise PolicyError, ListError or OSError if a data set cannot be used.

    All files must parse. The data must have list sources, lists of its own, and all services of the packaged
    data. Its own lists must not block a site that must open. The household in ``path`` must load without
    problems that it does not have with the packaged data.
    """
    services, broken = _packaged_facts(path)
    product = loading.load_product(public_suffix_check(), data)
    library = read_library(Path("/"), product=product)
    if not library.published or not library.seeds:
        msg = f"feed {data.version}: it has no list sources or no lists of its own"
        raise ListError(msg)
    for seed in library.seeds:
        survey(seed.source, library.canaries)
        for line in library.refusing(seed.source):
            msg = f"feed {data.version}: {line}"
            raise ListError(msg)
    missing = services - product.catalogue.services.keys()
    if missing:
        msg = f"feed {data.version}: the service {min(missing)} is missing, which rules may name"
        raise ListError(msg)
    if path is not None:
        _check_household(path, product, broken)


def _packaged_facts(path: Path | None) -> tuple[frozenset[str], frozenset[str]]:
    """Return the services of the packaged data, and the rule files of a household that are broken with it.

    The packaged data is in memory only while this runs, not together with the new data.
    """
    packaged = loading.load_product()
    before = None if path is None else loading.load(path, packaged, excuse=_any_profile)
    return frozenset(packaged.catalogue.services), frozenset(() if before is None else before.problems)


def _check_household(path: Path, product: loading.Product, broken: frozenset[str]) -> None:
    """Raise PolicyError if a rule file of the household is broken with new data only.

    ``broken``: the files that are broken with the packaged data too.
    """
    after = loading.load(path, product, excuse=_any_profile)
    for name, problem in after.problems.items():
        if name not in broken:
            where, fix = f"feed {product.data.version}", "the previous data stays"
            raise PolicyError(where, f"the rules in {name} do not work with it ({problem})", fix)


def _any_profile(who: str) -> bool:  # noqa: ARG001
    return True


def _delete(data: DataSet) -> None:
    # Renamed first, so that a power cut leaves no incomplete data set under its version.
    old = data.folder.with_name(OLD)
    shutil.rmtree(old, ignore_errors=True)
    data.folder.rename(old)
    shutil.rmtree(old, ignore_errors=True)


def make_bundle(folder: Path, data_format: int, version: int) -> bytes:
    """Return the bundle (archive) of the data in a folder, after validating it as a gateway does.

    ``data_format``, ``version``: the numbers of the data's format and of this data set. Raises
    PolicyError or ListError for data that gateways would refuse, and OSError.
    """
    bundle = pack(folder, f"format: {data_format}\nversion: {version}\n".encode())
    with TemporaryDirectory() as place:
        file, unpacked = Path(place, "bundle"), Path(place, "data")
        file.write_bytes(bundle)
        unpacked.mkdir()
        unpack(file, unpacked)
        validate(read_data_set(unpacked))
    return bundle
