"""The keys of `make run`: each does one thing to the real daemon and says what came of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from gateway.core.errors import ControlError
from gateway.kernel.ruleset.table import ALIVE_LEASE
from tests.lab import clients, names
from tests.lab.clients import Outcome, Stream
from tests.lab.daemon import Daemon
from tests.lab.home import Home
from tests.lab.internet.odds import WIREGUARD_PORT
from tests.lab.names import NEW, PARENT, PHONE, TABLET, Seat
from tests.lab.netns import LabError
from tests.lab.teller import Teller
from tests.pace import longest

CHILD = "daughter"
MUM = {"by": "Mum", "origin": "the virtual home"}
HELP = "p pause   b bedtime   n new device   v VPN   k kill -9   w why   q quit"
FILM = "https://r1---sn-lab.googlevideo.com/stream?rate=500k"
VPN_SITE = "nordvpn.com"
OPEN_SITE = "kk.wikipedia.org"
REFUSED_SITE = "www.tiktok.com"
_INTO_BEDTIME = timedelta(minutes=1)
_NOTICED_S = longest(5.0)  # a cut is a matter of milliseconds; this is when we stop waiting for one
_GOES_ON_S = longest(0.5)
_LAPSE_S = 0.2
_HELP_S = longest(8.0)
_PLACES = {"guest": "a guest", "home": "not filtered", CHILD: "Daughter's"}


@dataclass(slots=True)
class Console:
    """Actions by key. ``ask`` reads a line from the person; None where there is nobody to ask."""

    home: Home
    daemon: Daemon
    teller: Teller
    ask: Callable[[str], str] | None = None
    child_film: Stream | None = field(default=None, init=False)
    parent_film: Stream | None = field(default=None, init=False)
    _in_bed: bool = field(default=False, init=False)

    def press(self, key: str, argument: str = "") -> bool:
        """Do what ``key`` says; False when it is time to go."""
        if key == "q":
            return False
        actions: Mapping[str, Callable[[], None]] = {
            "p": self.pause,
            "b": self.bedtime,
            "n": self.new_device,
            "v": self.vpn,
            "k": self.kill,
            "w": lambda: self.why(argument),
        }
        action = actions.get(key)
        if action is None:
            self.teller.say(HELP)
            return True
        try:
            action()
        except ControlError as error:
            self.teller.say(f"Not done: {error}.")
        except LabError as error:
            self.teller.say(f"Not done: {error}.")
        return True

    def close(self) -> None:
        for film in (self.child_film, self.parent_film):
            if film is not None:
                film.close()

    def watch(self) -> bool:
        """See to it that the child and the parent each watch a film; False when the child cannot."""
        tablet, parent = self.home.devices[TABLET.key], self.home.devices[PARENT.key]
        if self.parent_film is None or not self.parent_film.runs:
            self.parent_film = Stream(parent, FILM)
        if self.child_film is None or not self.child_film.runs:
            if self.child_film is not None:
                self.child_film.close()
            self.child_film = Stream(tablet, FILM)
        self.parent_film.started()
        return self.child_film.started()

    def pause(self) -> None:
        """Pause the daughter, or let her go on if she is paused."""
        if self._child()["state"] == "paused":
            self._resume()
            return
        watching = self.watch()
        began = time.monotonic()
        self.daemon.client.call("pause", who=CHILD, minutes=30, **MUM)
        if watching:
            self._tell_the_cut("Mum pauses Daughter", began)
        else:
            self.teller.say(
                "Mum pauses Daughter. Her internet was closed before: no film ran that could stop."
            )

    def _resume(self) -> None:
        self.daemon.client.call("resume", who=CHILD, **MUM)
        self.teller.say(f"Mum resumes Daughter. {self._child()['sentence']}")

    def bedtime(self) -> None:
        """Turn the daemon's clock to a minute after the daughter's bedtime, or back."""
        if self._in_bed:
            self.daemon.client.call("clock", offset=0)
            self._in_bed = False
            self.teller.say("The clock is right again.")
            return
        if self._child()["state"] == "paused":
            self._resume()
        watching = self.watch()
        status = self.daemon.client.call("status")
        now = datetime.fromisoformat(status["now"])
        change = next(p for p in status["profiles"] if p["id"] == CHILD).get("next_change")
        if not change or change["state"] != "bedtime":
            self.teller.say("Daughter has no bedtime ahead today.")
            return
        offset = datetime.fromisoformat(change["at"]) + _INTO_BEDTIME - now
        began = time.monotonic()
        self.daemon.client.call("clock", offset=int(offset.total_seconds()))
        self._in_bed = True
        what = f"It is {(now + offset):%H:%M} now, past Daughter's bedtime"
        if watching:
            self._tell_the_cut(what, began)
        else:
            self.teller.say(f"{what}.")
        self._tell_try("The tablet", clients.curl(self._tablet, f"https://{OPEN_SITE}/"), OPEN_SITE)

    def new_device(self) -> None:
        """A phone that nobody knows joins the Wi-Fi."""
        self.home.join(NEW.key)
        new = self.home.devices[NEW.key]
        for host in ("www.example.org", "www.pornhub.com"):
            self._tell_try("The new phone", clients.curl(new, f"https://{host}/"), host)
        self.daemon.client.call("status")  # whoever asks for it makes the daemon look around
        self.teller.say(f"The new phone is {self._place(NEW)} until a parent chooses who uses it.")

    def vpn(self) -> None:
        """The tablet looks for a VPN's site, and sends a WireGuard handshake to a bare address."""
        site = clients.curl(self._tablet, f"https://{VPN_SITE}/")
        self._tell_try("The tablet looks for a VPN", site, VPN_SITE)
        self._tell_why(VPN_SITE)
        address = names.ipv4_of(VPN_SITE)
        tunnel = clients.udp(self._tablet, address, WIREGUARD_PORT, timeout=2.0)
        found = "opens" if tunnel.reached else f"does not open ({tunnel.how})"
        self.teller.say(
            f"The tablet tries a WireGuard tunnel to {address}: it {found}, after {tunnel.ms:.0f} ms."
        )
        self._tell_why(None)
        if tunnel.reached:
            self.teller.say(
                f"The tablet is {self._place(TABLET)}; no rule there refuses an address without a name."
            )

    def kill(self) -> None:
        """``kill -9`` of the daemon: what holds without it, and how soon it is back."""
        help_site = self._help_site()
        self.daemon.kill()
        killed = time.monotonic()
        self.teller.say("The daemon was killed (kill -9).")
        for seat in (TABLET, PHONE, PARENT):
            outcome = clients.curl(self.home.devices[seat.key], f"https://{OPEN_SITE}/", timeout=2.0)
            self._tell_try(f"{seat.label}, without the daemon", outcome, OPEN_SITE)
        if help_site:
            self._tell_help(help_site, killed)
        self.daemon.start()
        self.teller.say(f"The daemon is back after {self.daemon.seconds_to_ready:.1f} s.")
        if self._in_bed:
            self._in_bed = False
            self.teller.say("Its clock is right again.")
        self._tell_try(TABLET.label, clients.curl(self._tablet, f"https://{OPEN_SITE}/"), OPEN_SITE)

    def _tell_help(self, site: str, killed: float) -> None:
        """Help is answered without the daemon once its sign of life in the kernel has run out."""
        time.sleep(max(0.0, killed + ALIVE_LEASE + _LAPSE_S - time.monotonic()))
        self.teller.say(f"Its sign of life lasts {ALIVE_LEASE} s and has run out; help needs no daemon now.")
        reached = self._reaches_within(site, killed + _HELP_S)
        after = f"{time.monotonic() - killed:.1f} s after the kill"
        self.teller.say(f"The help line {site} {'opens' if reached else 'does not open'}, {after}.")

    def why(self, host: str) -> None:
        """Why a site is open or refused for the daughter: the one named, else her last refusal."""
        self._child()
        if not host and self.ask is not None:
            with self.teller.quiet():
                host = self.ask("Which site? (Enter: the last one refused) ").strip()
        if not host:
            host = next((str(one["host"]) for one in self._refusals() if one["host"]), REFUSED_SITE)
        answer = self.daemon.client.call("why", host=host, profile=CHILD)
        self.teller.say(f"{host}, for Daughter: {answer.get('sentence') or answer['reason']}")
        for step in answer.get("passed", ()):
            self.teller.say(f"    {_step(step)}")

    def _refusals(self) -> list[dict[str, Any]]:
        """Those of the tablet, newest first."""
        return list(self.daemon.client.call("refusals", device=TABLET.mac)["refusals"])

    def _tell_why(self, host: str | None) -> None:
        """Why the tablet was refused ``host``; None: something without a name."""
        for one in self._refusals():
            if one["host"] == host:
                self.teller.say_why(TABLET.label, str(one["sentence"]))
                return

    @property
    def _tablet(self) -> Any:
        return self.home.devices[TABLET.key]

    def _place(self, seat: Seat) -> str:
        """Whose a device is, to the daemon."""
        place = str(self.daemon.client.call("device", mac=seat.mac).get("profile"))
        return _PLACES.get(place, place)

    def _child(self) -> Mapping[str, Any]:
        for profile in self.daemon.client.call("status")["profiles"]:
            if profile["id"] == CHILD:
                return dict(profile)
        raise LabError("there is no child yet in this empty home; `make run` alone has a family")

    def _help_site(self) -> str:
        """A help line that has a web page."""
        for line in self.daemon.client.call("helplines").get("lines", ()):
            if web := str(line.get("web") or ""):
                return web.removeprefix("https://").removeprefix("http://").partition("/")[0]
        return ""

    def _reaches_within(self, host: str, until: float) -> bool:
        """Try from the tablet again and again, as a person does."""
        while not clients.curl(self._tablet, f"https://{host}/", timeout=1.5).reached:
            if time.monotonic() > until:
                return False
        return True

    def _tell_the_cut(self, what: str, began: float) -> None:
        assert self.child_film is not None
        assert self.parent_film is not None
        died = self.child_film.death(began, _NOTICED_S)
        child = f"her film stopped after {died:.0f} ms" if died is not None else "her film still runs"
        parent = "Mum's goes on" if self.parent_film.flows(_GOES_ON_S) else "Mum's stopped too"
        self.teller.say(f"{what}: {child}, {parent}.")

    def _tell_try(self, who: str, outcome: Outcome, host: str) -> None:
        failed = "does not open" if outcome.how == "timed out" else "is refused"
        came = "opens" if outcome.reached else f"{failed} ({outcome.how})"
        self.teller.say(f"{who}: {host} {came}, after {outcome.ms:.0f} ms.")


def _step(step: object) -> str:
    if isinstance(step, Mapping):
        return f"{step.get('rule')}: {step.get('outcome')}"
    return ": ".join(map(str, step)) if isinstance(step, list | tuple) else str(step)
