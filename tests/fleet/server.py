"""Starts the real OpenWISP controller on the loopback, with everything it writes in one folder."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

ROOT = Path(__file__).parents[2]
PROGRAMS = ROOT / ".venv-fleet" / "bin"
TEMPLATES = ROOT / "openwrt" / "openwisp"
PROVIDER = "Alma Net"
START = 120  # seconds until the server has to answer, on a loaded machine
STOP = 20
OWNER = "postgres"  # PostgreSQL refuses to run as root


class ServerError(Exception):
    """The server did not start, or refused a request."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running OpenWISP server. ``secret`` registers gateways, ``token`` is for the API."""

    url: str
    folder: Path
    secret: str
    password: str
    token: str
    organization: str
    cache_port: int
    postgresql: Path | None  # the folder of its socket
    processes: Mapping[str, subprocess.Popen[bytes]]
    environment: Mapping[str, str]  # of its programs

    def manage(self, *words: str) -> str:
        """Run a command of `manage.py` and return its last line. Raises ServerError."""
        return _python(self.environment, "django", *words)

    def api(self, method: str, path: str, body: object = None) -> Any:
        """Send a request to the REST API and return its answer. Raises ServerError."""
        data = None if body is None else json.dumps(body).encode()
        return self._sent(method, path, data, "application/json")

    def _sent(self, method: str, path: str, data: bytes | None, kind: str) -> Any:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": kind}
        request = urllib.request.Request(f"{self.url}/api/v1/{path}", data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            raise ServerError(f"{method} {path}: {error.code} {error.read()!r}") from error
        return json.loads(text) if text else None

    def add_template(self, file: str, /, **changes: object) -> str:
        """Add one of our templates and return its id."""
        body = {**json.loads((TEMPLATES / f"{file}.json").read_text()), **changes}
        return str(self.api("POST", "controller/template/", body)["id"])

    def upload(self, path: str, values: Mapping[str, str], name: str, content: bytes) -> Any:
        """Send a form with one file, as for a firmware image."""
        line = f"--{self.token}"
        parts = [f'{line}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'
                 for key, value in values.items()]  # fmt: skip
        parts.append(f'{line}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
                     "Content-Type: application/octet-stream\r\n\r\n")  # fmt: skip
        data = "".join(parts).encode() + content + f"\r\n{line}--\r\n".encode()
        return self._sent("POST", path, data, f"multipart/form-data; boundary={self.token}")

    def device(self, identity: str) -> Any:
        return self.api("GET", self.device_path(identity))

    def device_path(self, identity: str) -> str:
        return f"controller/device/{UUID(identity)}/"

    def processor_seconds(self) -> Mapping[str, float]:
        """Return the processor time that each program of the server has used, with its children."""
        return {name: sum(map(_processor_seconds, _tree(one.pid))) for name, one in self.processes.items()}

    def resident_bytes(self) -> Mapping[str, list[int]]:
        """Return the resident memory of each process, by program."""
        return {name: [_resident(pid) for pid in _tree(one.pid)] for name, one in self.processes.items()}

    def cache_bytes(self) -> int:
        """Return the memory that the cache uses for its data."""
        argv = ["redis-cli", "-p", str(self.cache_port), "info", "memory"]
        lines = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.splitlines()
        return int(next(line for line in lines if line.startswith("used_memory:")).partition(":")[2])

    def clear_cache(self) -> None:
        """Clear checksums and sessions."""
        self.manage("clear_cache")

    def cached(self) -> int:
        """Return the number of entries in the cache."""
        argv = ["redis-cli", "-p", str(self.cache_port), "-n", "0", "dbsize"]
        return int(subprocess.run(argv, capture_output=True, text=True, check=True).stdout)

    def database_bytes(self) -> int:
        if self.postgresql is None:
            return sum(path.stat().st_size for path in self.folder.glob("openwisp.db*"))
        query = "select pg_database_size('openwisp')"
        return int(_as_postgres("psql", "-h", self.postgresql, "-d", "openwisp", "-Atc", query))


def device_key(mac: str, secret: str) -> str:
    """Return the key of a device, which is the same after a factory reset."""
    return hashlib.md5(f"{mac}+{secret}".encode(), usedforsecurity=False).hexdigest()


@contextmanager
def running(
    folder: Path, *, workers: int = 2, pages: bool = False, postgis: bool = False
) -> Iterator[Server]:
    """Start OpenWISP, its database, cache and task queue, and stop all of them at the end.

    ``pages``: with the files that OpenWISP's own pages need, which makes every answer slower.
    ``postgis``: with a PostgreSQL server of its own in place of SpatiaLite.
    """
    port, redis = free_port(), free_port()
    database = folder / "postgresql" if postgis else None
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.fleet.openwisp.settings",
        "PYTHONPATH": str(ROOT),
        "QALQAN_FLEET": str(folder),
        "QALQAN_FLEET_REDIS": f"redis://127.0.0.1:{redis}",
        "QALQAN_FLEET_PAGES": "1" if pages else "",
        "QALQAN_FLEET_POSTGRESQL": str(database or ""),
        "QALQAN_FLEET_SECRET": secrets.token_hex(),
    }
    secret, password = secrets.token_hex(16), secrets.token_urlsafe(12)
    with ExitStack() as stack:
        processes: dict[str, subprocess.Popen[bytes]] = {}

        def start(name: str, *argv: str | Path, user: str | None = None) -> None:
            log = stack.enter_context((folder / f"{name}.log").open("wb"))
            process = subprocess.Popen(
                argv, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True, user=user,
            )  # fmt: skip
            processes[name] = process
            stack.callback(_stop, process)

        if database:
            _make_database(database)
            start("database", _postgresql() / "postgres", "-D", database, "-k", database,
                  "-c", "listen_addresses=", user=OWNER)  # fmt: skip
            _wait(lambda: _as_postgres("createdb", "-h", database, "openwisp"), "PostgreSQL")

        start("cache", "redis-server", "--port", str(redis), "--bind", "127.0.0.1", "--save", "",
              "--appendonly", "no", "--dir", str(folder))  # fmt: skip
        wait_for(redis)
        _python(environment, "django", "migrate", "--verbosity", "0")
        prepare = "tests.fleet.openwisp.prepare"
        prepared = json.loads(_python(environment, prepare, PROVIDER, password, secret))
        start("tasks", PROGRAMS / "celery", "--app", "tests.fleet.openwisp", "worker",
              "--concurrency", "1", "--loglevel", "warning")  # fmt: skip
        start("web", PROGRAMS / "gunicorn", "--bind", f"127.0.0.1:{port}", "--workers", str(workers),
              "--backlog", "4096", "--no-control-socket",
              "tests.fleet.openwisp.wsgi:application")  # fmt: skip
        wait_for(port)
        yield Server(f"http://127.0.0.1:{port}", folder, secret, password,
                     prepared["token"], prepared["organization"], redis, database, processes,
                     environment)  # fmt: skip


def _python(environment: Mapping[str, str], module: str, *words: str) -> str:
    done = subprocess.run(
        [PROGRAMS / "python", "-m", module, *words],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise ServerError(f"{module} {words}: {done.stderr[-2_000:]}")
    return done.stdout.strip().rpartition("\n")[2]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for(port: int, host: str = "127.0.0.1") -> None:
    _wait(lambda: socket.create_connection((host, port), timeout=1).close(), f"port {port} of {host}")


def _wait(attempt: Callable[[], object], what: str) -> None:
    """Try until it succeeds. Raises ServerError after START seconds."""
    end = time.monotonic() + START
    while True:
        try:
            attempt()
        except (OSError, subprocess.CalledProcessError) as error:
            if time.monotonic() > end:
                raise ServerError(f"no answer from {what}") from error
            time.sleep(0.2)
        else:
            return


def _postgresql() -> Path:
    """Return the folder of the programs of PostgreSQL with PostGIS. Raises ServerError."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/lib/postgis-3.so"))
    if not found:
        raise ServerError("PostGIS is missing; run: apt-get install postgresql-17-postgis-3")
    return found[-1].parents[1] / "bin"


def _make_database(folder: Path) -> None:
    folder.mkdir()
    folder.parent.chmod(0o711)
    shutil.chown(folder, OWNER, OWNER)
    _as_postgres("initdb", "-D", folder, "-E", "UTF8", "--locale", "C.UTF-8")


def _as_postgres(program: str, *words: str | Path) -> str:
    """Run a program of PostgreSQL as its user and return what it prints."""
    argv = [_postgresql() / program, *words]
    done = subprocess.run(
        argv, user=OWNER, group=OWNER, cwd="/", capture_output=True, text=True, check=True
    )  # fmt: skip
    return done.stdout


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _tree(pid: int) -> Iterator[int]:
    yield pid
    children = Path(f"/proc/{pid}/task/{pid}/children")
    for child in children.read_text().split() if children.exists() else ():
        yield from _tree(int(child))


def _resident(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _processor_seconds(pid: int) -> float:
    """Return the processor time of a process, with that of its children that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
