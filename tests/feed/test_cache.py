"""Gateways behind a cache, as a CDN is: nginx with the document's settings, and another one before it."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.feed.gateway_home import Home
from tests.feed.publisher import FIRST, Publisher, metadata
from tests.fleet.server import free_port, wait_for
from tests.lab.netns import stopping
from tests.pace import until

pytestmark = [pytest.mark.system, pytest.mark.needs("nginx")]

GOOD, NEXT = FIRST, FIRST + 1
DOCUMENT = Path(__file__).parents[2] / "docs/providers/feed.md"
CONFIG = """
daemon off; pid {folder}/pid; error_log {folder}/error.log; worker_processes 1; user root;
events {{}}
http {{
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    log_format path '$uri $status';
    access_log off;
    proxy_cache_path {folder}/cache keys_zone=feed:1m inactive=1d use_temp_path=off;
    {origin}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://127.0.0.1:{origin_port};
            proxy_cache feed;
            proxy_cache_valid 404 5m;
            access_log {folder}/cache.log path;
        }}
    }}
}}
"""


class Cache:
    """A cache at ``url``, and the feed's server behind it."""

    def __init__(self, folder: Path, public: Path) -> None:
        self.folder = folder
        port, origin_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{port}/qalqan"
        (block,) = re.findall(r"```nginx\n(.*?)```", DOCUMENT.read_text("utf-8"), re.DOTALL)
        origin = block.replace(
            "listen 443 ssl;", f"listen 127.0.0.1:{origin_port}; access_log {folder}/origin.log path;"
        )
        origin = origin.replace("/srv/feed/public", str(public))
        assert origin.count(str(public)) == 2
        self._config = folder / "nginx.conf"
        self._config.write_text(
            CONFIG.format(folder=folder, origin=origin, port=port, origin_port=origin_port)
        )
        self.port = port

    def start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(["nginx", "-p", self.folder, "-c", self._config])

    def asked(self, log: str = "origin") -> list[str]:
        """The paths and the status of all requests to the feed's server, or to the cache."""
        return (self.folder / f"{log}.log").read_text().replace("/qalqan/", "").splitlines()

    def age(self) -> None:
        """Forget what is stored for five minutes, as after that time."""
        for file in (self.folder / "cache").iterdir():
            (key,) = re.findall(rb"KEY: (\S+)", file.read_bytes())
            if key.endswith((b"/timestamp.json", b".root.json")):
                file.unlink()


@pytest.fixture
def publisher(tmp_path: Path) -> Publisher:
    made = Publisher(tmp_path / "publisher")
    made.publish(GOOD)
    return made


@pytest.fixture
def cache(tmp_path: Path, publisher: Publisher) -> Iterator[Cache]:
    (tmp_path / "nginx").mkdir()
    made = Cache(tmp_path / "nginx", publisher.public)
    with stopping(made.start()):
        wait_for(made.port)
        yield made


def gateway(folder: Path, publisher: Publisher, cache: Cache, name: str) -> Home:
    made = Home(folder / name, publisher)
    made.url = cache.url
    return made


def test_the_server_hears_of_the_first_gateway_only(
    tmp_path: Path, publisher: Publisher, cache: Cache
) -> None:
    first = gateway(tmp_path, publisher, cache, "first")
    assert first.update() == GOOD
    # The server writes a line after its answer.
    assert until(lambda: len(cache.asked()) == len(cache.asked("cache")), 2.0) is not None
    asked = cache.asked()
    assert "metadata/2.root.json 404" in asked
    assert "metadata/timestamp.json 200" in asked
    assert len([path for path in asked if path.startswith("targets/")]) == 1
    second = gateway(tmp_path, publisher, cache, "second")
    assert second.update() == GOOD
    assert until(lambda: len(cache.asked("cache")) == 2 * len(asked), 2.0) is not None
    assert cache.asked() == asked
    cache.age()
    assert second.update() is None
    assert until(lambda: len(cache.asked()) == len(asked) + 2, 2.0) is not None, cache.asked()
    assert sorted(cache.asked()[len(asked) :]) == ["metadata/2.root.json 404", "metadata/timestamp.json 200"]


def test_a_release_a_stop_and_a_withdrawal_come_late_and_whole(
    tmp_path: Path, publisher: Publisher, cache: Cache
) -> None:
    homes = (gateway(tmp_path, publisher, cache, str(number)) for number in range(9))
    first = next(homes)
    first.update()
    publisher.publish(NEXT, rollout=100)
    assert first.update() is None, "the timestamp of before is in the cache"
    cache.age()
    assert first.update() == NEXT
    publisher.set_percentage(0)
    assert next(homes).update() == NEXT, "late by the time that the timestamp is stored"
    cache.age()
    assert next(homes).update() == GOOD
    assert first.update() is None, "stopped, not withdrawn"
    assert sorted(first.versions) == [GOOD, NEXT]
    publisher.repository.stage_withdrawal("targets")
    publisher.publish_staged()
    assert first.update() is None
    cache.age()
    assert first.update() == GOOD


def test_new_root_keys_come_late_and_stop_nothing(tmp_path: Path, publisher: Publisher, cache: Cache) -> None:
    home = gateway(tmp_path, publisher, cache, "home")
    home.update()
    publisher.repository.stage_root("root")
    publisher.repository.sign(publisher.offline("root-1", "root-2"))
    publisher.publish(NEXT)
    root = home.state / "feed" / "metadata" / "root.json"
    assert home.update() is None
    assert metadata(root)["version"] == 1, "the cache still says that there is no second one"
    cache.age()
    assert home.update() == NEXT
    assert metadata(root)["version"] == 2
