from __future__ import annotations

import functools
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.debian.conftest import package
from tests.release import signing

__all__ = ["package"]


@pytest.fixture(scope="session")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key for these tests only."""
    path = tmp_path_factory.mktemp("key") / "secret.asc"
    signing.create_key(path, "Tests <tests@qalqan.invalid>")
    return path


@pytest.fixture
def served() -> Iterator[Callable[[Path], str]]:
    """Serve folders over HTTP on this machine; returns the address of each."""
    servers: list[ThreadingHTTPServer] = []

    def serve(folder: Path) -> str:
        handler = functools.partial(_QuietHandler, directory=str(folder))
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_address[1]}"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


class _QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def small_package(tmp_path: Path) -> Path:
    """A package with one file, whose build takes no time."""
    tree = tmp_path / "tree"
    (tree / "DEBIAN").mkdir(parents=True)
    control = ("Package: small", "Version: 1", "Architecture: all", "Maintainer: T <t@qalqan.invalid>",
               "Description: for a test")  # fmt: skip
    (tree / "DEBIAN/control").write_text("".join(f"{line}\n" for line in control), "utf-8")
    (tree / "usr/share/small").mkdir(parents=True)
    (tree / "usr/share/small/file").write_text("content\n", "utf-8")
    path = tmp_path / "small_1_all.deb"
    subprocess.run(["dpkg-deb", "--root-owner-group", "--build", tree, path], capture_output=True, check=True)
    return path
