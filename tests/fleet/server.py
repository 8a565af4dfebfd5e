"""Starts the real OpenWISP controller on the loopback, with everything it writes in one folder."""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
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
    processes: Mapping[str, subprocess.Popen[bytes]]

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
        return {name: sum(map(_ticks, _tree(one.pid))) for name, one in self.processes.items()}

    def resident_bytes(self) -> Mapping[str, list[int]]:
        """Return the resident memory of each process, by program."""
        return {name: [_resident(pid) for pid in _tree(one.pid)] for name, one in self.processes.items()}

    def cache_bytes(self) -> int:
        """Return the memory that the cache uses for its data."""
        argv = ["redis-cli", "-p", str(self.cache_port), "info", "memory"]
        lines = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.splitlines()
        return int(next(line for line in lines if line.startswith("used_memory:")).partition(":")[2])

    def clear_cache(self) -> None:
        """Clear checksums and sessions, as OpenWISP's `clear_cache` does."""
        argv = ["redis-cli", "-p", str(self.cache_port), "-n", "0", "flushdb"]
        subprocess.run(argv, stdout=subprocess.DEVNULL, check=True)

    def database_bytes(self) -> int:
        return sum(path.stat().st_size for path in self.folder.glob("openwisp.db*"))


@contextmanager
def running(folder: Path, *, workers: int = 2, pages: bool = False) -> Iterator[Server]:
    """Start OpenWISP, its database, cache and task queue, and stop all of them at the end.

    ``pages``: with the files that OpenWISP's own pages need, which makes every answer slower.
    """
    port, redis = _free_port(), _free_port()
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.fleet.openwisp.settings",
        "PYTHONPATH": str(ROOT),
        "QALQAN_FLEET": str(folder),
        "QALQAN_FLEET_REDIS": f"redis://127.0.0.1:{redis}",
        "QALQAN_FLEET_PAGES": "1" if pages else "",
        "QALQAN_FLEET_SECRET": secrets.token_hex(),
    }
    secret, password = secrets.token_hex(16), secrets.token_urlsafe(12)
    with ExitStack() as stack:
        processes: dict[str, subprocess.Popen[bytes]] = {}

        def start(name: str, *argv: str | Path) -> None:
            log = stack.enter_context((folder / f"{name}.log").open("wb"))
            process = subprocess.Popen(
                argv, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
            processes[name] = process
            stack.callback(_stop, process)

        start("cache", "redis-server", "--port", str(redis), "--bind", "127.0.0.1", "--save", "",
              "--appendonly", "no", "--dir", str(folder))  # fmt: skip
        _wait_for(redis)
        _python(environment, "django", "migrate", "--verbosity", "0")
        prepare = "tests.fleet.openwisp.prepare"
        prepared = json.loads(_python(environment, prepare, PROVIDER, password, secret))
        start("tasks", PROGRAMS / "celery", "--app", "tests.fleet.openwisp", "worker",
              "--concurrency", "1", "--loglevel", "warning")  # fmt: skip
        start("web", PROGRAMS / "gunicorn", "--bind", f"127.0.0.1:{port}", "--workers", str(workers),
              "--backlog", "4096", "--no-control-socket",
              "tests.fleet.openwisp.wsgi:application")  # fmt: skip
        _wait_for(port)
        yield Server(f"http://127.0.0.1:{port}", folder, secret, password,
                     prepared["token"], prepared["organization"], redis, processes)  # fmt: skip


def _python(environment: Mapping[str, str], module: str, *words: str) -> str:
    done = subprocess.run(
        [PROGRAMS / "python", "-m", module, *words],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise ServerError(f"{module} {words}: {done.stderr[-2_000:]}")
    return done.stdout.strip().rpartition("\n")[2]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for(port: int) -> None:
    end = time.monotonic() + START
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError as error:
            if time.monotonic() > end:
                raise ServerError(f"nothing answers on port {port}") from error
            time.sleep(0.2)
        else:
            return


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


def _ticks(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
