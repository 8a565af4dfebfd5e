"""Writes ``tests/vectors/state-VERSION``: the files of a household that has run this version for three days.

``python -m tests.state_vector FOLDER``, as root. The real daemon and pages run in the virtual home, and its
devices make the traffic. Later versions have to read what this one wrote: ``tests/test_state_of_0_1.py``. Do
not regenerate the folder of a version that has shipped.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.lab import clients, names
from tests.lab.apicaller import PAGES, Caller, by_token
from tests.lab.daemon import WEB_PORT, Daemon
from tests.lab.filtering import epoch, module, set_time, until
from tests.lab.home import ROOT, Home

FOLDER = "/HOUSEHOLD"  # in place of the folder in which the files were made
PASSWORD = "a sample of four words"
BACKUP_PASSWORD = "four other quiet words"
DAYS = ("2026-11-23", "2026-11-24", "2026-11-25")  # Monday to Wednesday
TELEVISION, PRINTER, VISITORS, TEENS = names.NEW.mac, *(f"02:00:00:00:00:{n}" for n in ("20", "21", "22"))
PRIVATE_DNS = ("strict", "dns.of-my-own.example", "--resolver", names.GATEWAY_IPV4, "--tries", "1")
FILM = "https://r1---sn-lab.googlevideo.com/stream?rate=500k"
PIN = "4821"

DAUGHTER = f"""\
# Written by hand.
name: Aruzhan
band: 10-12
next_step: 2027-05
devices: ["{names.TABLET.mac}"]
mode: block-list
unknown: open
categories: {{social_networks: ask, video_sharing: count, games: count, gambling: refuse, dating: open}}
ways: {{vpn: refuse, ssh: open}}
allow: [khanacademy.org, "service:youtube-kids"]
block: ["service:tiktok", blocked.example]
homework: [bilimland.kz]
safe_search: moderate
bedtime: {{school: "20:45-07:00", free: "21:45-08:00", fri: "21:15-08:00"}}
windows:
  "service:roblox": {{school: ["16:00-18:00"], free: ["10:00-12:00", "15:00-19:00"]}}
limits: {{internet: {{school: 2h, free: 3h}}, play: 90m, "service:youtube": 1h}}
dates:
  2026-12-19: school
  2026-12-31: {{bedtime: {{}}, limits: {{play: 4h}}}}
calendars: [school.ics]
landing: 10m
linger: 0m
auto_approve: 0m
updates: true
strict: false
log_level: 2
failure: closed
clock_unset: strict
"""
SON = f"""\
name: Timur
band: 13-15
next_step: 2026-11
devices: ["{names.PHONE.mac}"]
mode: allow-list
allow: [www.example.org, "service:github", "category:education"]
ways: {{encrypted_dns: open}}
laws: {{au-under-16-social: Mum}}
safe_search: "off"
bedtime: {{}}
limits: {{}}
log_level: 1
failure: open
"""
TEEN = f'name: Dana\nband: 16-17\ndevices: ["{TEENS}"]\ncategories: {{}}\n'
MUM = f'name: Mum\nband: adult\ndevices: ["{names.PARENT.mac}"]\n'
PROFILES = {"daughter": DAUGHTER, "son": SON, "teen": TEEN, "mum": MUM}
SETTINGS: Mapping[str, object] = {
    "timezone": "Asia/Almaty",
    "country": "kz",
    "language": "ru",
    "languages": ["kk", "ru", "en"],
    "unknown_devices": "guest",
    "shared": {TELEVISION: {"people": ["daughter", "son"]}},
    "managed": {names.PHONE.mac: ["vpn.school.kz"]},
    "gateway_ports": [445],
}
CALENDAR = """\
BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Example//School//EN
BEGIN:VEVENT
UID:autumn@school.example
DTSTAMP:20260901T000000Z
DTSTART;VALUE=DATE:20261102
DTEND;VALUE=DATE:20261109
SUMMARY:Autumn holidays
END:VEVENT
END:VCALENDAR
"""


class Household:
    """The daemon, its command line and its pages, with the family's actions of each day."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self.daemon = Daemon(home, PROFILES, settings=SETTINGS, web_user=True)
        (self.daemon.profiles / "school.ics").write_bytes(CALENDAR.replace("\n", "\r\n").encode())

    def run(self, *words: str) -> str:
        """Run a command; its output."""
        argv = [sys.executable, "-m", "gateway", "--config", str(self.daemon.config), *words]
        return subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True, timeout=120).stdout

    def claim(self) -> Caller:
        """Mum claims the gateway with the code on its label and signs in."""
        label = str(self.daemon.client.call("guardian", action="list")["label"])
        device = self._home.devices[names.PARENT.key]
        form = ["-d", f"label={label}", "-d", "name=Mum", "--data-urlencode", f"password={PASSWORD}"]
        command = ["curl", "-sS", "-i", "-H", f"Origin: {PAGES}", *form, f"{PAGES}/claim"]
        answer = device.run(command, check=True).stdout
        found = re.search(rf"qalqan-{WEB_PORT}=[^;]+", answer)
        assert found is not None, answer
        return Caller(device, {"Origin": PAGES, "Cookie": found[0]})

    def watch_a_film(self, key: str) -> None:
        """Stream until a minute of this day has been counted for the daughter."""
        with clients.Stream(self._home.devices[key], FILM) as stream:
            assert stream.started()
            assert until(self._minutes_used, 130.0, every=1.0) is not None

    def _minutes_used(self) -> int:
        daughter = self.daemon.client.call("status")["profiles"][0]
        return max(int(limit["minutes"]) for limit in daughter["used"])

    def visit(self, key: str, *hosts: str) -> None:
        for host in hosts:
            clients.curl(self._home.devices[key], f"https://{host}/", timeout=2.0)

    def first_day(self, mum: Caller) -> None:
        call = self.daemon.client.call
        call("guardian", action="invite", name="Grandma", role="helper", minutes=30, by="Mum")
        for child in ("daughter", "teen"):
            call("pin", action="set", who=child, pin=PIN, by="Mum")
        for side in ({"device": names.TABLET.mac, "pin": PIN}, {"id": "daughter", "by": "Mum"}):
            call("agreement", action="agree", **side)
        call("self_set", device=TEENS, pin=PIN, set={"bedtime": "23:00-07:00", "limits/play": "2h"})
        self.run("device", "assign", PRINTER, "home")
        self.run("device", "assign", VISITORS, "guest")
        mum.done("PUT", f"/devices/{PRINTER}/name", {"name": "Printer"})
        mum.done("PUT", f"/devices/{names.TABLET.mac}/mark", {"no_mobile_data": True})
        own = {"name": "School's list", "url": "https://lists.example.org/games.txt", "category": "games"}
        mum.done("POST", "/lists", {**own, "id": None})
        mum.done("POST", "/lists/reports", {"host": "bet365.com", "open": []})
        topic = "https://ntfy.example.org/qalqan-sample-topic"
        call("channel_on", address=topic, by="Mum")
        call("set_alerts", kinds=["request"], names=True, language="ru", by="Mum")
        self.run("lists", "build")
        self._traffic()

    def second_day(self, mum: Caller) -> None:
        edit = {"block/chess.example": True, "limits/play": "75m", "bedtime/school": "20:30-07:00"}
        mum.done("PATCH", "/children/daughter/rules", {"set": edit, "because": "Exams this week"})
        mum.done("POST", "/children/son/step/later", {"until": "2027-02", "reason": "After the holidays"})
        self._request(site="www.reddit.com", reason="For school")
        number = self._request(minutes=15, reason="One more round")
        mum.done("POST", f"/requests/{number}/answer", {"answer": "no", "because": "Dinner is ready"})
        self._traffic()

    def third_day(self, mum: Caller) -> None:
        call = self.daemon.client.call
        edit = {"block/music.example": True, "categories/games": "ask"}
        mum.done("PATCH", "/children/daughter/rules", {"set": edit, "because": "Only at weekends"})
        self.run("grant", "daughter", "20m")
        mum.done("POST", "/children/daughter/grants", {"minutes": 10, "service": "youtube"})
        mum.done("POST", "/children/son/pause", {"minutes": 24 * 60})
        number = self._request(site="www.instagram.com", reason="Photos of the trip")
        mum.done("POST", f"/requests/{number}/answer", {"answer": "today", "because": "Have fun"})
        self._request(minutes=30, reason="A long film")
        call("claim", device=names.PHONE.mac, screen=TELEVISION)
        call("adult_proof", action="open", device=VISITORS, length="4h", by="Mum")
        codes = mum.done("POST", "/codes", {"child": "daughter", "minutes": 15, "count": 3})["codes"]
        call("redeem", device=names.TABLET.mac, code=codes[0])
        self._traffic()
        module(self._home.devices[names.TABLET.key], "privatedns", *PRIVATE_DNS)

    def _request(self, **wish: object) -> str:
        return str(self.daemon.client.call("request", device=names.TABLET.mac, **wish)["request"]["id"])

    def _traffic(self) -> None:
        self.visit(names.TABLET.key, "www.tiktok.com", "nordvpn.com", "blocked.example", "kk.wikipedia.org")
        self.visit(names.PHONE.key, "www.instagram.com", "www.example.org", "www.pornhub.com")
        self.visit(names.PARENT.key, "www.bbc.co.uk")
        self.watch_a_film(names.TABLET.key)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.state_vector", description=__doc__)
    parser.add_argument("folder", type=Path, help="the folder to write; it must not exist")
    folder: Path = parser.parse_args(argv).folder
    folder.mkdir(parents=True)
    with Home() as home:
        home.join(names.NEW.key)
        household = Household(home)
        with _started(household.daemon):
            set_time(household.daemon, f"{DAYS[0]}T16:00:00")
            browser = household.claim()
            token = by_token(home, browser)
            for day, action in zip(
                DAYS, (household.first_day, household.second_day, household.third_day), strict=True
            ):
                set_time(household.daemon, f"{day}T16:00:00")
                action(token)
            made = household.daemon.client.call("status")["now"]
            password = folder / "backup-password"
            password.write_text(f"{BACKUP_PASSWORD}\n")
            household.run("backup", str(folder / "home.backup"), "--password-file", str(password))
        _copy(household.daemon, folder)
        signin = {"name": "Mum", "password": PASSWORD, **token.headers}
        about = {"made": made, "lan": names.LAN, "signin": signin, "pin": PIN}
        (folder / "about.json").write_text(f"{json.dumps(about, indent=2)}\n")
    return 0


@contextmanager
def _started(daemon: Daemon) -> Iterator[None]:
    """The daemon runs from the first day on, a few minutes before the family acts."""
    daemon.start_at(epoch(f"{DAYS[0]}T15:50:00") - time.time())
    try:
        yield
    finally:
        daemon.stop()


def _copy(daemon: Daemon, folder: Path) -> None:
    left_out = ("run", "daemon.log", "web.log", "state/web/templates")
    for source in daemon.folder.rglob("*"):
        path = source.relative_to(daemon.folder)
        if source.is_file() and not any(path.is_relative_to(one) for one in left_out):
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
    config = folder / daemon.config.name
    text = config.read_text().replace(str(daemon.folder), FOLDER)
    config.write_text(text.replace(str(daemon.home.folder), FOLDER))
    _dump(folder / "state" / daemon.database.name)


def _dump(database: Path) -> None:
    """Replace a database by its text, which a review can read."""
    with sqlite3.connect(database) as connection:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        rows = "\n".join(connection.iterdump())
    text = f"PRAGMA auto_vacuum = INCREMENTAL;\n{rows}\nPRAGMA user_version = {version};\n"
    database.with_suffix(".sql").write_text(text)
    for path in database.parent.glob(f"{database.name}*"):
        path.unlink()


if __name__ == "__main__":
    sys.exit(main())
