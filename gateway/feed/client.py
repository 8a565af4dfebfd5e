"""Downloads data sets from a signed feed and verifies them with The Update Framework, outside the daemon.

The package tuf does the verification. Only Ed25519 keys are accepted: securesystemslib verifies them without
the package cryptography.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import shutil
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request

from tuf.api import exceptions as tuf
from tuf.api.metadata import Metadata, Root, TargetFile
from tuf.api.serialization import DeserializationError
from tuf.ngclient import FetcherInterface, Updater, UpdaterConfig

from gateway.core.errors import ListError
from gateway.core.files import write_atomically
from gateway.core.http_client import Outside
from gateway.core.public_addresses import NotOutside, check_url
from gateway.feed.bundle import MAX_BUNDLE
from gateway.feed.data_set import FEED
from gateway.feed.target import VERSION_KEY, target_name
from gateway.lists.fetch import USER_AGENT, NoDowngrade

CHUNK = 1 << 16
STALL = 20.0  # seconds without a byte, after which the connection counts as broken
DEADLINE = 600.0  # seconds for all requests to one server
METADATA = "metadata"
TARGETS = "targets"
TRUSTED = "trusted.json"  # file: digest of the root file by which the stored metadata was verified
ROOT = "root.json"
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


class FeedError(ListError):
    """Raised if a feed cannot be used: the server, its metadata or its data set."""


@dataclass(frozen=True, slots=True)
class FeedDownload:
    """A verified bundle in a file, and the version of the data set that it must contain."""

    bundle: Path
    version: int


class FeedClient:
    """Finds and downloads the newest data set of a feed.

    ``state`` is the state directory, ``urls`` the addresses of the feed and its mirrors, ``root`` the file
    with the root keys that are trusted at first. ``outside`` is a parameter for tests.
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
        self._folder = state / FEED
        self._urls = tuple(urls)
        self._root = root
        self._outside = outside or Outside()
        self._deadline = deadline

    def newest(self, data_format: int, above: int) -> FeedDownload | None:
        """Download the newest data set of a format if its version is above ``above``; None if it is not.

        The servers are tried in order until one has valid metadata and a valid file. Raises FeedError with
        the problem of each server, and OSError if the disk fails.
        """
        self._prepare()
        self._bundle.unlink(missing_ok=True)
        problems = []
        for url in self._urls:
            try:
                return self._newest(url, data_format, above)
            except (tuf.RepositoryError, tuf.DownloadError, DeserializationError) as error:
                problems.append(f"{url}: {_problem(error)}")
            except FeedError as error:
                problems.append(f"{url}: {error}")
        msg = f"feed: {'; '.join(problems)}; {KEEPING}"
        raise FeedError(msg)

    def _newest(self, url: str, data_format: int, above: int) -> FeedDownload | None:
        with self._in_time() as is_late:
            updater = self._updater(url.rstrip("/"), is_late)
            updater.refresh()
            check_keys(self._metadata / ROOT)
            target = updater.get_targetinfo(target_name(data_format))
            if target is None:
                msg = f"it has no data of format {data_format}; a newer version of Qalqan may be needed"
                raise FeedError(msg)
            version = _version(target)
            if version <= above:
                return None
            if target.length > MAX_BUNDLE:
                msg = f"the data has {target.length} bytes, more than {MAX_BUNDLE}"
                raise FeedError(msg)
            updater.download_target(target, str(self._bundle))
            return FeedDownload(self._bundle, version)

    @property
    def _bundle(self) -> Path:
        return self._folder / "bundle.new"

    @property
    def _metadata(self) -> Path:
        return self._folder / METADATA

    def _prepare(self) -> None:
        """Store the trusted root keys for the first check, or after the family changed the root file."""
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

    def _updater(self, url: str, is_late: Callable[[], bool]) -> Updater:
        # From tuf 6 on, the constructor requires `bootstrap`; None means the stored root keys, as before.
        knows = "bootstrap" in inspect.signature(Updater).parameters
        more: dict[str, Any] = {"bootstrap": None} if knows else {}
        return Updater(
            str(self._metadata),
            f"{url}/{METADATA}/",
            target_base_url=f"{url}/{TARGETS}/",
            fetcher=OutsideFetcher(self._outside, is_late),
            config=LIMITS,
            **more,
        )

    @contextmanager
    def _in_time(self) -> Iterator[Callable[[], bool]]:
        """Cut the connection at the deadline. Yields a function that returns whether it has passed."""
        late = threading.Event()

        def cut() -> None:
            late.set()
            self._outside.abort()

        timer = threading.Timer(self._deadline, cut)
        timer.daemon = True
        timer.start()
        try:
            yield late.is_set
        finally:
            timer.cancel()
            self._outside.release()


class OutsideFetcher(FetcherInterface):
    """Fetches files for the package tuf, from public addresses only. ``is_late``: no time is left."""

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
    """Raise FeedError unless a root file has Ed25519 keys only."""
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
    """Return the version of the data set in a target's signed description."""
    custom = target.custom
    version = custom.get(VERSION_KEY) if isinstance(custom, dict) else None
    if not isinstance(version, int):
        msg = "its data has no version"
        raise FeedError(msg)
    return version


def _problem(error: Exception) -> str:
    """Return a line for users about an error of the package tuf."""
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
