"""Downloads a list over HTTPS or HTTP, outside the daemon: ETag, size limit, time-outs, retries, progress."""

from __future__ import annotations

import errno
import random
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from http.client import HTTPException, HTTPMessage
from pathlib import Path
from typing import TypeVar
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request

from gateway.core.errors import ListError
from gateway.core.files import write_error_text
from gateway.core.http_client import Outside
from gateway.core.public_addresses import NotOutside, check_url
from gateway.lists.book import Validators

CHUNK = 1 << 16
STALL = 20.0  # seconds without a byte, after which the connection counts as broken
DEADLINE = 600.0  # seconds for one source: 64 MB at 1 Mbit/s
TRIES = 4
KEEPING = "keeping the previous copy"  # result of a failed download
BACKOFF = 2.0  # seconds before the second try, doubled for each further one, plus at most as much jitter
USER_AGENT = "qalqan (family filter)"

_WORTH_RETRYING = frozenset({408, 425, 429, 500, 502, 503, 504})

# Errors of a machine without internet: its resolver gets no response, or its kernel has no route.
_NO_DNS = frozenset({socket.EAI_AGAIN, socket.EAI_FAIL})
_NO_ROUTE = frozenset({errno.ENETUNREACH, errno.ENETDOWN, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL})

T = TypeVar("T")

Progress = Callable[[str, int, int | None], None]
"""Called during a download: ``progress(source, bytes received, total bytes or None)``."""


class Unwritable(ListError):
    """Raised if the downloaded file could not be written on this machine, so that a retry does not help."""


def unwritable(folder: Path, error: OSError) -> str:
    """Return the error text for users if a downloaded list cannot be written to ``folder``."""
    return f"{folder}: cannot be written ({write_error_text(error)}); the old table stays in force"


class Offline(ListError):
    """Raised if a download fails as it does without internet, and no server was reached in this run.

    The list is probably fine.
    """


class _TooSlow(Exception):
    """Raised if a download takes longer than its deadline; `Fetcher.fetch` turns it into a ListError."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """The result of a download.

    ``path`` is the new file; None if the server says that the stored copy is current.
    """

    path: Path | None
    validators: Validators


class NoDowngrade(HTTPRedirectHandler):
    """Follows HTTP redirects, but raises HTTPError for one from HTTPS to HTTP (a urllib handler)."""

    def redirect_request(
        self, req: Request, fp: object, code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request | None:
        if urlsplit(req.full_url).scheme == "https" and urlsplit(newurl).scheme != "https":
            raise HTTPError(newurl, code, "redirected from HTTPS to HTTP", headers, None)
        return super().redirect_request(req, fp, code, msg, headers, newurl)  # type: ignore[arg-type]


class _Copy:
    """An unbuffered file that receives a download, as a context manager. Its own errors raise Unwritable.

    So a full disk is not confused with a network error, and is reported by the write that fails.
    The file is then deleted; after another error it stays.
    """

    def __init__(self, target: Path) -> None:
        self._target = target
        self._file = self._local(lambda: target.open("wb", buffering=0))

    def write(self, chunk: bytes) -> None:
        while chunk:
            chunk = chunk[self._local(partial(self._file.write, chunk)) :]

    def _local(self, act: Callable[[], T]) -> T:
        try:
            return act()
        except OSError as error:
            with suppress(OSError):
                self._target.unlink(missing_ok=True)
            raise Unwritable(unwritable(self._target.parent, error)) from error

    def __enter__(self) -> _Copy:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


class Fetcher:
    """Downloads lists over HTTP from servers on the internet, with time-outs and retries.

    ``stall`` and ``deadline``: seconds without a byte, and for a whole download. ``progress`` is
    called with each chunk. ``sleep`` and ``outside`` are parameters for tests.
    """

    def __init__(
        self,
        *,
        progress: Progress | None = None,
        sleep: Callable[[float], None] = time.sleep,
        outside: Outside | None = None,
        stall: float = STALL,
        deadline: float = DEADLINE,
    ) -> None:
        self._progress = progress
        self._sleep = sleep
        self._outside = outside or Outside()
        self._opener = self._outside.opener(NoDowngrade())
        self._stall = stall
        self._deadline = deadline
        self._reached = False  # whether any server has responded in this run
        self._failing: set[str] = set()  # servers that failed each try: one try for the next list

    def fetch(self, source: str, url: str, target: Path, known: Validators, max_bytes: int) -> Fetched:
        """Download ``url`` to ``target``, unless the server confirms that the copy with ``known`` is current.

        ``known``: ETag and Last-Modified of the stored copy, used only if its URL is ``url`` or unknown.
        Tries up to TRIES times; a server that failed all its tries for an earlier list gets one.

        Raises ListError, naming ``source``, if the download fails or has more than ``max_bytes``;
        ``target`` does not exist then. Raises Offline without retries if this machine seems to have
        no internet and no server was reached in this run, and Unwritable if the disk fails.
        """
        server = urlsplit(url).netloc
        tries = 1 if server in self._failing else TRIES
        try:
            check_url(url)
        except NotOutside as error:
            msg = f"{source}: {url}: {error}"
            raise ListError(msg) from error
        for attempt in range(1, tries + 1):
            try:
                fetched = self._in_time(lambda: self._once(source, url, target, known, max_bytes))
                self._failing.discard(server)
                return fetched
            except HTTPError as error:
                self._reached = True
                error.close()
                if error.code == 304:
                    return Fetched(None, known)
                problem = f"the server responded with {error.code} {error.reason}"
                if error.code not in _WORTH_RETRYING:
                    msg = f"{source}: {problem}; check whether {url} has moved; {KEEPING}"
                    raise ListError(msg) from error
            except _TooSlow as error:
                target.unlink(missing_ok=True)
                msg = f"{source}: slower than {self._deadline:.0f} s; {KEEPING}"
                raise ListError(msg) from error
            except NotOutside as error:
                msg = f"{source}: the download is refused: {error}"
                raise ListError(msg) from error
            except ValueError as error:  # the target of a redirect is text of the server
                msg = f"{source}: the server redirects to an invalid address ({error})"
                raise ListError(msg) from error
            except (URLError, OSError, HTTPException) as error:
                reason = getattr(error, "reason", None) or error or type(error).__name__
                problem = f"the download failed ({reason})"
                if not self._reached and _says_offline(error):
                    target.unlink(missing_ok=True)
                    msg = f"{source}: {problem}; {KEEPING}"
                    raise Offline(msg) from error
            target.unlink(missing_ok=True)
            if attempt < tries:
                pause = BACKOFF * 2 ** (attempt - 1)
                self._sleep(pause + random.uniform(0, pause))
        self._failing.add(server)
        times = f" {tries} times" if tries > 1 else ""
        msg = f"{source}: {problem}{times}; {KEEPING}"
        raise ListError(msg)

    def _in_time(self, act: Callable[[], T]) -> T:
        """Call ``act`` and return its result; abort its connection at the deadline.

        Raises _TooSlow if it is late.
        """
        late = threading.Event()

        def cut() -> None:
            late.set()
            self._outside.abort()

        timer = threading.Timer(self._deadline, cut)
        timer.daemon = True
        timer.start()
        try:
            done = act()
        except (OSError, HTTPException, ValueError) as error:
            if late.is_set():
                raise _TooSlow from error
            raise
        finally:
            timer.cancel()
            timer.join()  # a late `abort` would refuse the next connection
            self._outside.release()
        if late.is_set():
            raise _TooSlow
        return done

    def _once(self, source: str, url: str, target: Path, known: Validators, max_bytes: int) -> Fetched:
        request = Request(url, headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity"})
        if known.url in ("", url):  # otherwise the validators are those of another file: the list has moved
            if known.etag:
                request.add_header("If-None-Match", known.etag)
            if known.modified:
                request.add_header("If-Modified-Since", known.modified)
        with self._opener.open(request, timeout=self._stall) as response, _Copy(target) as out:
            self._reached = True
            size = response.headers.get("Content-Length", "")
            total = int(size) if size.isdigit() else None
            done = 0
            while chunk := response.read(CHUNK):
                done += len(chunk)
                if done > max_bytes or (total or 0) > max_bytes:
                    target.unlink()
                    msg = f"{source}: more than {max_bytes} bytes; raise its `max_bytes` if it has grown"
                    raise ListError(msg)
                out.write(chunk)
                if self._progress is not None:
                    self._progress(source, done, total)
            if total is not None and done < total:
                msg = f"cut after {done} of {total} bytes"
                raise URLError(msg)
            headers = response.headers
            return Fetched(target, Validators(headers.get("ETag"), headers.get("Last-Modified"), url))


def _says_offline(error: Exception) -> bool:
    """Return whether the error suggests a missing internet connection.

    One unreachable host can look the same. True for a DNS failure, a missing route, or a time-out while
    connecting.
    """
    if not isinstance(error, URLError):
        return False  # a server accepted the connection
    reason = error.reason
    if isinstance(reason, socket.gaierror):
        return reason.errno in _NO_DNS
    return isinstance(reason, TimeoutError) or (isinstance(reason, OSError) and reason.errno in _NO_ROUTE)
