"""The family goes about its day: now and then one of its devices asks for something."""

from __future__ import annotations

import itertools
import threading

from tests.lab import clients
from tests.lab.home import Home
from tests.lab.teller import Teller

_EVERY_S = 6.0
_DAY = (
    ("tablet", "www.khanacademy.org"),
    ("parent", "www.bbc.co.uk"),
    ("tablet", "www.tiktok.com"),
    ("phone", "store.steampowered.com"),
    ("parent", "www.instagram.com"),
    ("phone", "www.instagram.com"),
    ("tablet", "kk.wikipedia.org"),
    ("phone", "www.pornhub.com"),
    ("parent", "news.ycombinator.com"),
    ("tablet", "www.instagram.com"),
    ("phone", "github.com"),
)


class Life:
    """Runs until ``close``. What is opened is told here, what is refused by the daemon's own events."""

    def __init__(self, home: Home, teller: Teller) -> None:
        self._home = home
        self._teller = teller
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._over.set()
        if self._thread.is_alive():
            self._thread.join(10.0)

    def _run(self) -> None:
        for key, host in itertools.cycle(_DAY):
            if self._over.wait(_EVERY_S):
                return
            outcome = clients.curl(self._home.devices[key], f"https://{host}/", timeout=3.0)
            if outcome.reached and not self._over.is_set():
                self._teller.say(f"{self._home.seats[key].label} opens {host}.")
