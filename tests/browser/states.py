"""What a family may be in while one of its pages is looked at, set up in the stand-in household."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import yaml

from gateway.policy.alerts.channels import MessageChannel
from gateway.policy.alerts.notifications import Alerts
from tests.browser.conftest import Site
from tests.webui.standin.asking import a_question
from tests.webui.standin.backing import TEXT
from tests.webui.standin.changed import CHANGES
from tests.webui.standin.healthy import FINE, TROUBLE
from tests.webui.standin.household import NOW, TABLET
from tests.webui.standin.household import PHONE as HER_PHONE
from tests.webui.standin.lending import TV
from tests.webui.standin.places import GUEST, TELEVISION
from tests.webui.standin.ruled import RULES
from tests.webui.standin.site_repairs import some_names
from tests.webui.standin.spending import MINUTES
from tests.webui.standin.things import KITCHEN

Prepare = Callable[[Site], None]


def nothing(_site: Site) -> None:
    """As it is."""


def tablet(site: Site) -> dict[str, Any]:
    """The device of a child's pages, at whatever address it is."""
    return next(one for one in site.household.devices.values() if one["mac"] == TABLET)


def asked(site: Site) -> None:
    """One request waits, one was answered."""
    one = {
        "id": 1, "profile": "daughter", "name": "Aruzhan", "topic": "time", "minutes": 30,
        "reason": "One more round", "at": NOW, "expires": NOW + timedelta(hours=4), "state": "pending",
        "thing": None,
    }  # fmt: skip
    other = {
        **one, "id": 2, "topic": "site", "thing": "www.instagram.com", "state": "answered", "answer": "no",
        "because": "Not on a school day", "by": "Mum", "answered": NOW, "minutes": None,
    }  # fmt: skip
    site.household.requests[:] = [one, other]


def tried(site: Site) -> None:
    site.household.testing.end()


def tried_in_vain(site: Site) -> None:
    site.household.testing.end(faults=("wireguard", "tls", "help"))


def rules_changed(site: Site) -> None:
    """With a reason, and with a hostile one."""
    edited = next(one for one in CHANGES if one["what"] == "rules")
    exams = {**edited, "undo": None, "because": "Because of the exams"}
    site.household.editing.own[:] = [exams, {**exams, "by": "Dad", "because": "\u202e" + "W" * 180}]


def near_the_end(site: Site) -> None:
    asked(site)
    site.household.minutes["daughter"]["left"].update(minutes=4, at=NOW + timedelta(minutes=4))


def paused(site: Site) -> None:
    asked(site)
    site.household.paused.update(daughter=NOW + timedelta(minutes=30), son=None)


def troubled(site: Site) -> None:
    """All that a page may have to say of the home."""
    paused(site)
    site.household.extra.update(
        internet="down",
        internet_since=NOW - timedelta(minutes=5),
        clock={"known": False, "sentence": "The time is not known yet."},
        problems=["daughter.yaml:3: band: is no age band; write one of 6-9, 10-12"],
        new_devices=2,
    )


def off(site: Site) -> None:
    site.household.extra.update(mode="off", off_until=NOW + timedelta(hours=1))


def changed(site: Site) -> None:
    site.household.changes[:] = CHANGES


def four(site: Site) -> None:
    """Cards are folded, with something in use."""
    site.household.in_use[:] = [{"target": "service:youtube", "name": "YouTube"}]
    fourth = {**RULES["daughter"], "id": "fourth", "name": "Айғаным"}
    site.household.edited["fourth"], site.household.minutes["fourth"] = fourth, MINUTES["daughter"]
    site.household.children = ("daughter", "son", "teen", "fourth")


def small(site: Site) -> None:
    """The tablet is a seven-year-old's."""
    asked(site)
    tablet(site).update(profile="son", state="open", until=None, sentence="Open.")


def sleeping(site: Site) -> None:
    small(site)
    tablet(site).update(state="bedtime", until=NOW + timedelta(hours=11))


def grown(site: Site) -> None:
    """It is a sixteen-year-old's."""
    asked(site)
    tablet(site).update(profile="teen")


def own_times(site: Site) -> None:
    """A sixteen-year-old with a PIN, a bedtime and a limit of its own."""
    grown(site)
    site.household.lending.needs_pins = True
    site.household.lending.pins["teen"] = ("7035", "")
    site.household.choosing.put("teen", bedtime="22:30-07:00", limits_internet={"school": "2h", "free": "3h"})


def agreed(site: Site) -> None:
    """The daughter and her mother agreed, and the rules are others since."""
    site.household.lending.needs_pins = True
    site.household.lending.pins["daughter"] = ("7035", "")
    site.household.agreeing.both("daughter")
    site.household.edited["daughter"] = {"bedtime": []}


def new(site: Site) -> None:
    tablet(site).update(profile="quarantine")


def proposed(site: Site) -> None:
    site.household.growing.propose("daughter")


def put_off(site: Site) -> None:
    proposed(site)
    site.household.growing.engine.put_off(
        site.household.editing.rules.household.profiles["daughter"],
        "2027-02", "First the exams, then we look again.", "Mum", "",
    )  # fmt: skip


def stepped(site: Site) -> None:
    proposed(site)
    site.household.growing.pass_days(30)


def adult_soon(site: Site) -> None:
    site.household.growing.propose("teen")


def tickets(site: Site) -> None:
    site.household.tickets["K7QM-3X12"] = {"batch": "1", "minutes": 30, "who": None, "by": "Mum"}


def a_new_device(site: Site) -> None:
    site.household.questions[:] = [a_question("new"), a_question("again", mac=HER_PHONE)]


def a_wrong_entry(site: Site) -> None:
    entry = {"host": "bet.example", "category": "gambling", "by": "Mum", "at": NOW.date().isoformat()}
    site.household.listed.wrong[:] = [entry]
    site.household.listed.update = {"running": False, "ended": NOW, "problems": ["ut1-games: it has moved"]}


def undecided(site: Site) -> None:
    """Nobody has said who uses two devices of the first run."""
    for mac, place in ((TELEVISION, "home"), (GUEST, "guest")):
        site.household.things.of(mac).update(undecided=True, profile=place, name=f"Device {place}")


def an_own_service(site: Site) -> None:
    editing = site.household.editing
    editing.rules.reload()
    file = editing.folder / "qalqan.yaml"
    penguin = {"name": "Club Penguin", "domains": ["cpjourney.net"], "ports": {"udp": ["9000-9010"]}}
    services = {"services": {"club-penguin": penguin}}
    file.write_text(json.dumps(yaml.safe_load(file.read_text()) | services))
    editing.rules.reload()


def an_update(site: Site) -> None:
    site.household.listed.update = {"running": True, "problems": [], "source": "ut1-games", "done": 400_000}


def ailing(site: Site) -> None:
    healthy = site.household.healthy
    healthy.findings, healthy.running, healthy.problem = (
        (*FINE, *TROUBLE),
        True,
        "it did not end within 2 min",
    )
    healthy.figures["clock"] = False


def a_backup(site: Site) -> None:
    site.household.backing.came = TEXT
    site.household.backing.look["problems"] = ["son.yaml:2: band: is no age band; write one of 6-9, 10-12"]


def restored(site: Site) -> None:
    site.household.backing.last = {"by": "Mum", "at": NOW, "made": NOW - timedelta(days=4), "undo": True}


def shared(site: Site) -> None:
    """The daughter's tablet is her brother's too, and there is a television."""
    lending = site.household.lending
    lending.people = {TABLET: ("son", "daughter"), TV: ("son", "daughter")}
    lending.needs_pins, lending.pins["daughter"] = True, ("4821", "Mum")


def used(site: Site) -> None:
    shared(site)
    site.household.lending.uses[TABLET] = ("daughter", "use", "")
    site.household.lending.uses[TV] = ("daughter", "claim", "")


def handed(site: Site) -> None:
    site.household.lending.uses[TABLET] = ("daughter", "handed", "Mum")


def unlocked(site: Site) -> None:
    """The tablet and the switch are an adult's for a while."""
    tablet(site).update(profile="adult")
    proof = {"method": "password", "by": "Mum", "until": NOW + timedelta(hours=4)}
    site.household.proven.proofs.update({TABLET: proof, KITCHEN: {**proof, "method": "wallet", "by": None}})


def in_repair(site: Site) -> None:
    """The tablet is in a repair, with names of every kind."""
    site.household.site_repairs.begin("daughter", "kundelik.kz", device=TABLET)["names"] = some_names()


def after_repair(site: Site) -> None:
    in_repair(site)
    site.household.site_repairs.repairs["daughter"]["state"] = "over"


def watched(site: Site) -> None:
    """A parent looks at the live traffic of a small child's tablet."""
    small(site)
    until = NOW + timedelta(minutes=15)
    site.household.watched = {"by": "Mum", "device": "Tablet", "until": until}


def live_traffic(site: Site) -> None:
    """A television has asked for some names, and a small child's tablet can be started."""
    base = {"owner": "", "child": False, "by": "", "until": None, "shown": True}
    site.household.seen_devices = {
        TELEVISION: {**base, "mac": TELEVISION, "name": "TV"},
        TABLET: {**base, "mac": TABLET, "name": "Tablet", "owner": "Timur", "child": True, "shown": False},
    }
    site.household.traffic = [
        {
            "number": number, "at": NOW + timedelta(seconds=number), "mac": TELEVISION, "proto": "dns",
            "host": f"{'very-' * 12}long-name-{number}.example", "address": "192.168.1.1", "port": 0,
            "verdict": verdict, "reason": reason, "rule": "band 10-12: category:gambling = block",
        }
        for number, (verdict, reason) in enumerate((("allow", "open"), ("block", "category")), start=1)
    ]  # fmt: skip


def pins(site: Site) -> None:
    site.household.lending.needs_pins, site.household.lending.pins["daughter"] = True, ("4821", "")


def no_pin(site: Site) -> None:
    site.household.lending.needs_pins = True


def proving(site: Site) -> None:
    """It waits for the tablet."""
    site.household.testing.start_device()


def proved(site: Site) -> None:
    """One line is well, one came through, one was not seen."""
    first, second, third, *_ = site.household.testing.start_device().hosts
    first.reached = third.reached = False
    first.blocked = second.blocked = True
    second.reached = True


def unclaimed(site: Site) -> None:
    site.household.accounts.unclaimed()


def a_family(site: Site) -> None:
    """Everybody that there may be, and all that may be said of them."""
    site.household.accounts.family()


def without_password(site: Site) -> None:
    """She came by a link."""
    register = site.household.accounts.register
    register.put(replace(register.accounts()["Mum"], secret=""))


def several_networks(site: Site) -> None:
    editing = site.household.editing
    editing.rules.reload()
    file = editing.folder / "qalqan.yaml"
    file.write_text(json.dumps(yaml.safe_load(file.read_text()) | {"lan": ["lo", "br-guest"]}))
    editing.rules.reload()


def registered(site: Site) -> None:
    """A state's register is on, and has refused something on the tablet."""
    editing = site.household.editing
    editing.rules.reload()
    file = editing.folder / "qalqan.yaml"
    kz = {"file": "/srv/kz.txt", "on": True, "by": "Mum", "since": "2026-11-24"}
    file.write_text(json.dumps(yaml.safe_load(file.read_text()) | {"registers": {"kz": kz}}))
    editing.rules.reload()
    site.household.refusals = [
        {
            "at": NOW, "host": "listed.example", "name": None, "proto": "dns", "reason": "register",
            "rule": "law:kz since 2026-11-24", "owner": "law:kz:Mum", "until": None, "askable": False,
            "sentence": "listed.example is blocked: it is on a list of a state, the register of "
            "Kazakhstan. Mum turned it on today.",
        },
        *site.household.refusals,
    ]  # fmt: skip


def automated(site: Site) -> None:
    site.household.automating.state |= {
        "on": True, "address": "broker.example.org", "port": 8883, "tls": True,
        "user": "qalqan", "has_password": True, "rights": "guardian", "state": "unreachable",
    }  # fmt: skip


def told(site: Site) -> None:
    topic = Alerts(
        frozenset({"request", "way"}),
        frozenset({"way"}),
        channels=(
            MessageChannel("https://ntfy.sh/a-topic"),
            MessageChannel("hassio://homeassistant.a-long-name.example.org:8123/token", inside=True),
        ),
    )
    site.household.alerting.book["Mum"] = topic
