"""The sample family's pages: each over the socket, what a first visit weighs, what their process holds."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import yaml
from flask import Flask
from werkzeug.routing import Rule

from gateway.policy.accounts.people import PersonRole
from tests.bench.figures import Figure, Settings, at_most
from tests.lab import clients, sample
from tests.lab.daemon import WEB_PORT, Daemon
from tests.lab.home import Home
from tests.lab.names import GATEWAY_IPV4, NEW, PARENT, TABLET
from webui import Settings as WebSettings
from webui import compiled, create_app
from webui.accounts import session

GATEWAY = f"{GATEWAY_IPV4}:{WEB_PORT}"
PIN, PASSWORD = "7035", "a sentence of a few words"
LANGUAGES = ("en", "ru", "kk")
MOST_MS, MOST_VISIT, MOST_REFUSED, MOST_HELD = 50.0, 80.0, 20.0, 45.0
HOME, CHILDS, REFUSED = "/parent/", "/my", "/refused?host=www.tiktok.com&reason=family_block"
DOCUMENT = "/api/v1/openapi.json"
CHILD = "daughter"
COMPILED_S = 60.0

# What stands in an address; a page with a place of its own for something else is told here.
FILLED: Mapping[str, str] = {
    "profile": CHILD,
    "who": CHILD,
    "mac": TABLET.mac,
    "service": "youtube",
    "key": "none",
    "token": "none",
}
TARGETS: Mapping[str, tuple[str, ...]] = {
    "week.show": ("bedtime", "service:youtube"),
    "limits.one": ("play", "service:youtube"),
    "learn.one": ("category:selfharm_promotion", "setting:bedtime", "reason:refused_for_everyone"),
}
ASKED: Mapping[str, str] = {
    "refused.show": "?host=www.tiktok.com&reason=family_block",
    "lists.show": "?host=www.1xbet.com",
    "band.show": "?to=13-15",
    "mean.show": "?level=middle",
}
NAMED = frozenset({"target", "key"})  # what TARGETS fills
# Files, what has no end, and what is no page.
LEFT_OUT = frozenset(
    {
        "static",
        "api.every",
        "stream.stream",
        "activity.export",
        "support.file",
        "carry.file",
        "brand.style",
        "brand.dark",
        "brand.logo",
    }
)
ON_A_SHARED = "/my/use"  # pages of a device that is two children's


def paths(app: Flask) -> dict[str, list[str]]:
    """Every page, by who sees it: a role, or a device that is a child's or shared."""
    found: dict[str, list[str]] = {}
    for rule in app.url_map.iter_rules():
        if "GET" in (rule.methods or ()) and rule.endpoint not in LEFT_OUT:
            for path in _filled(app, rule):
                found.setdefault(_seen_by(app, rule), []).append(path + ASKED.get(rule.endpoint, ""))
    return found


def _filled(app: Flask, rule: Rule) -> Iterator[str]:
    for target in TARGETS.get(rule.endpoint, ("",)):
        values = {name: (target if name in NAMED else "") or FILLED[name] for name in rule.arguments}
        yield app.url_map.bind("").build(rule.endpoint, values)


def _seen_by(app: Flask, rule: Rule) -> str:
    roles = session.declared(app.view_functions[rule.endpoint]) or frozenset({PersonRole.GUARDIAN.value})
    if session.ANYONE in roles:
        return NEW.key if rule.rule.startswith(ON_A_SHARED) else TABLET.key
    return str(PersonRole.GUARDIAN if PersonRole.GUARDIAN in roles else min(roles))


@dataclass(slots=True)
class Reader:
    """A browser on one of the home's devices."""

    home: Home
    seat: str
    cookies: dict[str, str] = field(default_factory=dict)

    def read(self, language: str = "en", **what: Any) -> dict[str, Any]:
        """``paths``, ``forms`` and ``weigh``, as tests/bench/visits.py has them."""
        asked = {"gateway": GATEWAY, "language": language, "cookies": self.cookies}
        asked |= {"paths": [], "forms": [], "weigh": [], "watched": [], **what}
        argv = [sys.executable, "-m", "tests.bench.visits"]
        done = self.home.devices[self.seat].run(argv, timeout=300, stdin=json.dumps(asked), check=True)
        told: dict[str, Any] = json.loads(done.stdout)
        self.cookies = told["cookies"]
        return told


def measure(settings: Settings) -> Iterator[Figure]:
    pages = paths(create_app(WebSettings(settings.folder / "none.sock")))
    with Home(journal=False, quic=False) as home:
        daemon = _moved_in(home)
        with daemon:
            process, name = daemon.web_pid, "web process, resident"
            yield held(f"{name}, at start", resident(process))
            readers = _readers(home, daemon)
            for language in LANGUAGES:
                for who, found in pages.items():
                    readers[who].read(language, paths=found)
            languages = f"in {len(LANGUAGES)} languages"
            yield held(f"{name}, after a walk through all pages, {languages}", resident(process))
            answer = readers[NEW.key].read(paths=[DOCUMENT])["visits"][0]
            note = f"{answer['size'] / 1000:.0f} kB, status {answer['status']}"
            yield held(f"{name}, after the API's document", resident(process), note)
            yield from _hashing(process, readers[PersonRole.GUARDIAN])
            yield from _times(settings, pages, readers, [process, daemon.pid])
            yield held(f"{name}, after all of it, {languages}", resident(process))
            yield from _weights(readers)


def _moved_in(home: Home) -> Daemon:
    """Started once before: the templates of an installed one are compiled."""
    daemon, _decisions = sample.move_in(home)
    shared = {"shared": {NEW.mac: {"people": ["daughter", "son"]}}}
    daemon.config.write_text(yaml.safe_dump(yaml.safe_load(daemon.config.read_text()) | shared))
    with daemon:
        await_templates(daemon)
    return daemon


def await_templates(daemon: Daemon) -> None:
    """They are compiled at a first start, by a process that ends."""
    done, until = daemon.state / "web" / compiled.FOLDER / compiled.DONE, time.monotonic() + COMPILED_S
    while not done.exists() and time.monotonic() < until:
        time.sleep(0.2)


def _readers(home: Home, daemon: Daemon) -> dict[str, Reader]:
    """Somebody of each role, and children's devices; something was refused on one of them."""
    call = daemon.client.call
    call("pin", action="set", who=CHILD, pin=PIN)
    for host in ("www.instagram.com", "www.tiktok.com", "nordvpn.com"):
        clients.curl(home.devices[TABLET.key], f"https://{host}/")
    readers = {seat: Reader(home, seat) for seat in (TABLET.key, NEW.key)}
    readers[TABLET.key].read(forms=[("/my/pin", {"pin": PIN})])
    for role in PersonRole:
        token = call("guardian", action="add", name=f"{role} of all", role=role)["token"]
        readers[role] = Reader(home, PARENT.key)
        readers[role].read(forms=[("/signin", {"code": token})])
    return readers


def _hashing(process: int, reader: Reader) -> Iterator[Figure]:
    """Set and then typed; the peak is the kernel's own figure."""
    Path(f"/proc/{process}/clear_refs").write_text("5")  # the peak counts from now on
    name = f"{PersonRole.GUARDIAN} of all"
    forms = [("/account/password", {"password": PASSWORD})]
    forms += [("/signin/password", {"name": name, "password": PASSWORD})] * 3
    answers = reader.read(forms=forms)["forms"]
    if [answer["status"] for answer in answers] != [303] * len(forms):
        raise AssertionError(answers)
    yield held(
        "web process, peak while passwords are hashed", resident(process, "VmHWM"), "in another process"
    )
    yield held("web process, resident, after it", resident(process))


def _times(
    settings: Settings, pages: Mapping[str, list[str]], readers: Mapping[str, Reader], watched: list[int]
) -> Iterator[Figure]:
    taken: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for _round in range(settings.times(5, 2)):
        for language in LANGUAGES:
            for who, found in pages.items():
                for visit in readers[who].read(language, paths=found, watched=watched)["visits"]:
                    taken.setdefault((language, visit["path"]), []).append(visit)
    shown = {key: visits for key, visits in taken.items() if visits[0]["kind"] == "text/html"}
    times = {key: median(visit["ms"] for visit in visits) for key, visits in shown.items()}
    busy = {key: median(visit["busy"] for visit in visits) for key, visits in shown.items()}
    above = [key for key, ms in times.items() if ms > MOST_MS]
    slowest, dearest = max(times, key=times.__getitem__), max(busy, key=busy.__getitem__)
    each = f"{len(times)} pages and languages, each the median of {settings.times(5, 2)}, before all else"
    yield at_most("a page over the socket, the median one", median(times.values()), "ms", None, each)
    yield at_most("a page over the socket, the slowest one", times[slowest], "ms", MOST_MS, " ".join(slowest))
    yield at_most("pages above it", len(above), "", 0, ", ".join(path for _language, path in above[:3]))
    note = f"{' '.join(dearest)}; does not depend on the load"
    yield at_most("processor time of a page, the dearest one", busy[dearest], "ms", None, note)


def _weights(readers: Mapping[str, Reader]) -> Iterator[Figure]:
    for name, who, path, most in (
        ("parents' home", PersonRole.GUARDIAN, HOME, MOST_VISIT),
        ("child's page", TABLET.key, CHILDS, MOST_VISIT),
        ("refused page", TABLET.key, REFUSED, MOST_REFUSED),
    ):
        told = {one: readers[who].read(one, weigh=[path])["weights"][path] / 1000 for one in LANGUAGES}
        heaviest = max(told, key=told.__getitem__)
        note = f"with all that it loads, in {heaviest}"
        yield at_most(f"weight of a first visit, {name}", told[heaviest], "kB", most, note)


def held(name: str, megabytes: float, note: str = "") -> Figure:
    return at_most(name, megabytes, "MB", MOST_HELD, note)


def resident(process: int, what: str = "VmRSS") -> float:
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{what}:")) * 1.024 / 1000
