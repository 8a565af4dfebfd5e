"""Downloads data sets from a signed feed and verifies them with The Update Framework, outside the daemon.

The package tuf does the verification. Only Ed25519 keys are accepted: securesystemslib verifies them without
the package cryptography.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import shutil
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from sys import byteorder
from typing import Any, TypeVar
from urllib.error import HTTPError, URLError
from urllib.request import Request

from tuf.api import exceptions as tuf
from tuf.api.metadata import Metadata, Root, TargetFile
from tuf.api.serialization import DeserializationError
from tuf.ngclient import FetcherInterface, Updater, UpdaterConfig

from gateway.core.errors import ListError
from gateway.core.files import sync_folder, write_atomically
from gateway.core.http_client import Outside
from gateway.core.public_addresses import NotOutside, check_url
from gateway.feed.bundle import MAX_BUNDLE
from gateway.feed.data_set import FEED, downloaded_table
from gateway.feed.provider_files import MAX_PROVIDER_FILE, provider_folder
from gateway.feed.target import (
    BUILT_KEY,
    FORMAT_KEY,
    ROLLOUT_KEY,
    VERSION_KEY,
    candidate_name,
    table_name,
    takes_candidate,
    target_name,
)
from gateway.lists.book import STALE
from gateway.lists.fetch import USER_AGENT, NoDowngrade
from gateway.lists.tier import MAX_TABLE
from gateway.policy.config.list_tiers import ListTier
from gateway.policy.names.domain_table import VERSION as TABLE_FORMAT
from gateway.policy.names.domain_table import TableRelease

CHUNK = 1 << 16
STALL = 20.0  # seconds without a byte, after which the connection counts as broken
DEADLINE = 600.0  # seconds for all requests to one server
PATIENCE = 1800.0  # seconds for all servers
METADATA = "metadata"
TARGETS = "targets"
DAY = 86400  # seconds
TRUSTED = "trusted.json"  # file: digest of the root file by which the stored metadata was verified
ROOT = "root.json"
GATEWAY_ID = "rollout-id"  # file: random bytes that decide which candidates this gateway takes
ID_BYTES = 16
ED25519 = "ed25519"
LIMITS = UpdaterConfig(
    max_root_rotations=64,
    max_delegations=8,
    root_max_length=64 << 10,
    timestamp_max_length=16 << 10,
    snapshot_max_length=64 << 10,
    targets_max_length=256 << 10,
)
KEEPING = "keeping the previous data"

T = TypeVar("T")


class FeedError(ListError):
    """Raised if the signed data feed cannot be used: no server, invalid metadata, or an unusable data set."""


@dataclass(frozen=True, slots=True)
class FeedOffer:
    """The version of the data set (lists, services, countries) that the feed has for this gateway.

    ``bundle``: its downloaded and verified file; None if the gateway has this version, or its
    package a newer one.
    """

    version: int
    bundle: Path | None = None


class FeedClient:
    """Downloads and verifies the newest data set, category tables and provider files of a signed feed.

    ``state`` is the state directory, ``urls`` the addresses of the feed and its mirrors, ``root`` the
    file with the root keys that are trusted at first. ``deadline``: seconds for one server in each
    call. All calls must end within PATIENCE seconds after the object is made. ``outside`` is a
    parameter for tests.
    """

    def __init__(
        self,
        state: Path,
        urls: Iterable[str],
        root: Path,
        *,
        outside: Outside | None = None,
        deadline: float = DEADLINE,
    ) -> None:
        self._state = state
        self._folder = state / FEED
        self._urls = tuple(urls)
        self._root = root
        self._outside = outside or Outside()
        self._deadline = deadline
        self._ends = time.monotonic() + PATIENCE
        self._late = threading.Event()
        self._verified: dict[str, Updater] = {}  # by the address of a server whose metadata is valid

    def newest(self, data_format: int, packaged: int, stored: Collection[int] = ()) -> FeedOffer:
        """Return the version of the data set that the feed has for this gateway; download it if it is needed.

        ``data_format``: the format that this version of Qalqan reads. ``packaged`` and ``stored``:
        the versions of data that the package and the state directory have. The servers are tried in
        order until one has valid metadata and a valid file. Raises FeedError with the problem of each
        server, and OSError if the disk fails.
        """
        self._prepare()
        self._bundle.unlink(missing_ok=True)
        return self._from_any(lambda updater: self._newest(updater, data_format, packaged, stored))

    def table(self, data_format: int, wanted: TableRelease, now: datetime) -> Path | None:
        """Download the compressed table of host names and categories for this machine's byte order.

        ``wanted``: its data set's version and its tier, the size of the lists. Call `newest`
        before. Return its file; None if the feed has no such table. Raises FeedError with the
        problem of each server, also if the table is older than a week, too large or of another format,
        and OSError if the disk fails.
        """
        return self._from_any(lambda updater: self._table(updater, data_format, wanted, now))

    def provider_file(self, provider: str, name: str) -> bool:
        """Download a file of an internet provider if it changed. Return whether the feed has the file.

        A provider signs its own files, and no others: the publisher delegates only its folder to it.
        Raises FeedError and OSError as `newest` does.
        """
        self._prepare()
        return self._from_any(lambda updater: self._provider_file(updater, provider, name))

    def _from_any(self, use: Callable[[Updater], T]) -> T:
        """Call ``use`` with the verified metadata of each server in turn, until it succeeds.

        Return its result. Raises FeedError with the problem of each server if none works.
        """
        problems = []
        for url in sorted(self._urls, key=lambda url: url not in self._verified):
            try:
                with self._in_time():
                    return use(self._verified.get(url) or self._refreshed(url))
            except (tuf.RepositoryError, tuf.DownloadError, DeserializationError) as error:
                problems.append(f"{url}: {_problem(error)}")
            except FeedError as error:
                problems.append(f"{url}: {error}")
        msg = f"feed: {'; '.join(problems)}; {KEEPING}"
        raise FeedError(msg)

    def _refreshed(self, url: str) -> Updater:
        """Download and verify a server's metadata. Return the `Updater` that downloads its files.

        tuf refuses older metadata (rollback), metadata whose time is over (freeze) and files of
        different releases (mix-and-match). Raises tuf's errors, and FeedError for a root key that is
        not Ed25519.
        """
        updater = self._updater(url.rstrip("/"))
        updater.refresh()
        check_keys(self._metadata / ROOT)
        self._verified[url] = updater
        return updater

    def _newest(
        self, updater: Updater, data_format: int, packaged: int, stored: Collection[int]
    ) -> FeedOffer:
        name = target_name(data_format)
        target = self._offered(updater, name, lambda candidate: _version(candidate) in stored)
        if target is None:
            msg = f"it has no data of format {data_format}; a newer version of Qalqan may be needed"
            raise FeedError(msg)
        version = _version(target)
        if version <= packaged or version in stored:
            return FeedOffer(version)
        _check_length(target, MAX_BUNDLE, "data")
        updater.download_target(target, str(self._bundle))
        return FeedOffer(version, self._bundle)

    def _offered(self, updater: Updater, name: str, has: Callable[[TargetFile], bool]) -> TargetFile | None:
        """Return the signed description of the file ``name`` for this gateway; None if the feed has none.

        It is the candidate (the next version, in a roll-out) if this gateway is in the roll-out or
        ``has`` it already. So a gateway that has a candidate stays with it while the roll-out is
        stopped (0 %).
        """
        candidate = updater.get_targetinfo(candidate_name(name))
        if candidate is not None:
            percent = _described(candidate, ROLLOUT_KEY)
            digest = candidate.hashes.get("sha256", "")
            if has(candidate) or takes_candidate(self._gateway_id(), digest, percent):
                return candidate
        return updater.get_targetinfo(name)

    def _gateway_id(self) -> bytes:
        file = self._folder / GATEWAY_ID
        if not file.exists():
            write_atomically(file, os.urandom(ID_BYTES))
        return file.read_bytes()

    def _provider_file(self, updater: Updater, provider: str, name: str) -> bool:
        folder = provider_folder(self._state)
        path = f"{provider}/{name}"
        target = self._offered(updater, path, lambda candidate: _is_stored(folder / name, candidate))
        if target is None or _is_stored(folder / name, target):
            return target is not None
        _check_length(target, MAX_PROVIDER_FILE, f"file {path}")
        folder.mkdir(mode=0o700, exist_ok=True)
        new = self._folder / "file.new"
        try:
            updater.download_target(target, str(new))
            new.chmod(0o600)
            with new.open("rb") as written:
                os.fsync(written.fileno())
            new.replace(folder / name)
        finally:
            new.unlink(missing_ok=True)
        sync_folder(folder)
        return True

    def _table(self, updater: Updater, data_format: int, wanted: TableRelease, now: datetime) -> Path | None:
        name = table_name(data_format, wanted.tier, byteorder)
        target = updater.get_targetinfo(name)
        if target is None or _version(target) != wanted.version:
            target = updater.get_targetinfo(candidate_name(name))
        if target is None or _version(target) != wanted.version:
            return None
        table_format = _described(target, FORMAT_KEY)
        if table_format != TABLE_FORMAT:
            msg = (
                f"its table of names has format {table_format}, and this version of Qalqan reads format "
                f"{TABLE_FORMAT} only"
            )
            raise FeedError(msg)
        age = now.timestamp() - _described(target, BUILT_KEY)
        if age > STALE.total_seconds():
            msg = f"its table of names is too old: it was built {age / DAY:.0f} days ago"
            raise FeedError(msg)
        _check_length(target, MAX_TABLE[ListTier(wanted.tier)], "table of names")
        file = downloaded_table(self._state)
        updater.download_target(target, str(file))
        return file

    @property
    def _bundle(self) -> Path:
        return self._folder / "bundle.new"

    @property
    def _metadata(self) -> Path:
        return self._folder / METADATA

    def _prepare(self) -> None:
        """Store the root file's keys as trusted, at the first check or after the family changed the file.

        Older metadata is deleted then, and also if the stored root metadata is damaged. Raises
        FeedError if the root file cannot be read, is none, or has keys that are not Ed25519.
        """
        try:
            trusted = self._root.read_bytes()
        except OSError as error:
            msg = f"feed: {self._root} cannot be read ({error.strerror}); copy it from the feed's provider"
            raise FeedError(msg) from error
        check_keys(self._root)
        digest = json.dumps(hashlib.sha256(trusted).hexdigest()).encode()
        mark = self._metadata / TRUSTED
        if mark.exists() and mark.read_bytes() == digest and _is_root(self._metadata / ROOT):
            return
        shutil.rmtree(self._metadata, ignore_errors=True)
        self._metadata.mkdir(parents=True)
        write_atomically(self._metadata / ROOT, trusted)
        write_atomically(mark, digest)

    def _updater(self, url: str) -> Updater:
        # From tuf 6 on, the constructor requires `bootstrap`; None means the stored root keys, as before.
        knows = "bootstrap" in inspect.signature(Updater).parameters
        more: dict[str, Any] = {"bootstrap": None} if knows else {}
        return Updater(
            str(self._metadata),
            f"{url}/{METADATA}/",
            target_base_url=f"{url}/{TARGETS}/",
            fetcher=OutsideFetcher(self._outside, self._late.is_set),
            config=LIMITS,
            **more,
        )

    @contextmanager
    def _in_time(self) -> Iterator[None]:
        """Context manager: abort the connection if the ``with`` block takes longer than the deadline.

        That of one server, or what is left of PATIENCE seconds for all servers.
        """
        self._late.clear()

        def cut() -> None:
            self._late.set()
            self._outside.abort()

        timer = threading.Timer(min(self._deadline, max(self._ends - time.monotonic(), 0)), cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()  # a late `abort` would refuse the next connection
            self._outside.release()


class OutsideFetcher(FetcherInterface):
    """Fetches files over HTTP for the package tuf, from public addresses only.

    ``is_late``: returns whether the deadline is over; fetches then fail with SlowRetrievalError.
    """

    def __init__(self, outside: Outside, is_late: Callable[[], bool]) -> None:
        self._opener = outside.opener(NoDowngrade())
        self._is_late = is_late

    def _fetch(self, url: str) -> Iterator[bytes]:
        if self._is_late():
            raise tuf.SlowRetrievalError("the server is too slow")  # noqa: EM101
        try:
            check_url(url)
            request = Request(url, headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity"})
            return self._chunks(self._opener.open(request, timeout=STALL))
        except HTTPError as error:
            error.close()
            msg = f"the server responded with {error.code} to {url.rpartition('/')[2]}"
            raise tuf.DownloadHTTPError(msg, error.code) from error
        except (URLError, OSError, HTTPException, NotOutside, ValueError) as error:
            raise self._failed(error) from error

    def _chunks(self, response: HTTPResponse) -> Iterator[bytes]:
        size = response.headers.get("Content-Length", "")
        total, done = int(size) if size.isdigit() else None, 0
        try:
            with response:
                while chunk := response.read1(CHUNK):
                    done += len(chunk)
                    yield chunk
        except (OSError, HTTPException) as error:
            raise self._failed(error) from error
        if total is not None and done < total:
            msg = f"the download was cut after {done} of {total} bytes"
            raise tuf.DownloadError(msg)

    def _failed(self, error: Exception) -> tuf.DownloadError:
        if self._is_late():
            return tuf.SlowRetrievalError("the server is too slow")
        reason = getattr(error, "reason", None) or error or type(error).__name__
        return tuf.DownloadError(f"the download failed ({reason})")


def check_keys(root: Path) -> None:
    """Raise FeedError if the file cannot be read, is no root file, or has keys that are not Ed25519."""
    try:
        signed = Metadata[Root].from_bytes(root.read_bytes()).signed
    except (DeserializationError, OSError) as error:
        msg = f"feed: {root} is not a root file of a feed; copy it from the feed's provider"
        raise FeedError(msg) from error
    if not isinstance(signed, Root) or any(key.keytype != ED25519 for key in signed.keys.values()):
        msg = f"feed: {root} has keys that are not Ed25519; the feed's provider must replace them"
        raise FeedError(msg)


def _is_root(path: Path) -> bool:
    try:
        check_keys(path)
    except FeedError:
        return False
    return True


def _version(target: TargetFile) -> int:
    """Return the version of the data set in a file's signed description.

    Raises FeedError if it is missing.
    """
    return _described(target, VERSION_KEY)


def _described(target: TargetFile, key: str) -> int:
    """Return the number ``key`` in a file's signed description. Raises FeedError if it is missing."""
    custom = target.custom
    value = custom.get(key) if isinstance(custom, dict) else None
    if not isinstance(value, int):
        msg = f"its file {target.path} has no {key}"
        raise FeedError(msg)
    return value


def _check_length(target: TargetFile, most: int, what: str) -> None:
    if target.length > most:
        msg = f"the {what} has {target.length} bytes, more than {most}"
        raise FeedError(msg)


def _is_stored(file: Path, target: TargetFile) -> bool:
    """Return whether the local file has the length and hash of the signed description ``target``."""
    try:
        with file.open("rb") as data:
            target.verify_length_and_hashes(data)
    except (OSError, tuf.LengthOrHashMismatchError):
        return False
    return True


def _problem(error: Exception) -> str:
    """Return a one-line message for users about an error of the package tuf."""
    match error:
        case tuf.ExpiredMetadataError():
            return f"its signatures have expired ({error}): the provider or this server is late"
        case tuf.BadVersionNumberError():
            return f"it offers older data than before ({error})"
        case tuf.UnsignedMetadataError():
            return f"a required signature is missing or wrong ({error})"
        case tuf.LengthOrHashMismatchError():
            return f"a file is damaged or was exchanged ({error})"
        case tuf.DownloadLengthMismatchError():
            return f"a file is too large ({error})"
        case _:
            return str(error.__cause__ or error) if isinstance(error, tuf.RepositoryError) else str(error)
