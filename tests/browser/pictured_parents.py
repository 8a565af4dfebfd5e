"""Pictures of what parents see and do: answers, codes, rules, a repair, a step, people, the first run."""

from __future__ import annotations

from tests.browser.album import Album
from tests.browser.chromium import eventually
from tests.browser.family import CHILD, Family
from tests.lab import clients
from tests.lab.names import PARENT, TABLET


def take_setup(album: Album) -> None:
    """The steps of the first run, of a home that has been through them, and a proof that waits."""
    for step in ("", "people", "devices", "summary"):
        album.take(f"setup-{step or 'start'}", PARENT.key, f"/parent/setup/{step}")
    album.take("proof-none", TABLET.key, "/proof")
    album.tap("/parent/child/daughter/tests/", f"button[value='{TABLET.mac}']")
    eventually(lambda: "/proof" in album.text(".address"))
    album.take("proof", PARENT.key, "/parent/child/daughter/tests/")
    album.tap("/parent/child/daughter/tests/", "section[aria-labelledby=bypass] form button")
    eventually(lambda: "could not be tested" in album.text("section[aria-labelledby=result]"), 60.0)
    album.take("tests", PARENT.key, "/parent/child/daughter/tests/")


def take_answers(album: Album) -> None:
    album.take("home-requests", PARENT.key, "/parent/")
    album.take("requests", PARENT.key, "/parent/requests")
    album.tap("/parent/requests", ".gives .primary")
    eventually(lambda: "Undo" in album.text(".notice"))
    album.take("requests-answered", PARENT.key, "/parent/requests")
    album.take("child-answered", TABLET.key, "/my")
    album.tap("/parent/", ".extras button[value='15']")
    eventually(lambda: "more minutes" in album.text(".notice"))
    album.take("home-more-time", PARENT.key, "/parent/")
    album.take("child-time", PARENT.key, "/parent/time/daughter")
    album.take("activity", PARENT.key, "/parent/activity/")
    album.take("activity-day", PARENT.key, "/parent/activity/daughter", opened=True)
    album.take("activity-week", PARENT.key, "/parent/activity/daughter/week")
    album.take("activity-delete", PARENT.key, "/parent/activity/daughter/delete")


def take_codes(album: Album) -> None:
    album.take("more", PARENT.key, "/parent/more")
    album.take("devices", PARENT.key, "/parent/devices/")
    album.take("lists", PARENT.key, "/parent/lists/?host=www.1xbet.com", opened=True)
    album.take("health", PARENT.key, "/parent/health/", opened=True)
    album.take("backup", PARENT.key, "/parent/backup/")
    album.take("update", PARENT.key, "/parent/health/update/")
    album.take("settings", PARENT.key, "/parent/settings/")
    album.take("settings-zone", PARENT.key, "/parent/settings/zone")
    album.take("messages", PARENT.key, "/parent/alerts/")
    album.take("carry", PARENT.key, f"/parent/child/{CHILD}/carry/")
    album.take("import", PARENT.key, "/parent/import/")
    album.take("device", PARENT.key, f"/parent/device/{TABLET.mac}", opened=True)
    album.take("family-card", PARENT.key, "/parent/card")
    album.take("codes", PARENT.key, "/parent/codes/")
    album.tap("/parent/codes/", ".fields button")
    eventually(lambda: "min" in album.text(".strips"))
    album.take("sheet", PARENT.key, album.path)
    album.take("codes-unused", PARENT.key, "/parent/codes/")


def take_rules(album: Album) -> None:
    """A child's rules, each page of them."""
    pages = {
        "": "", "-services": "services/", "-group": "services/?group=video", "-service": "services/youtube",
        "-kinds": "kinds/", "-sites": "sites/", "-bedtime": "week/bedtime", "-hours": "week/service:youtube",
        "-laws": "laws/",
        "-limits": "limits/", "-limit": "limits/play", "-basics": "basics/", "-band": "band/?to=13-15",
    }  # fmt: skip
    for name, path in pages.items():
        album.take(f"rules{name}", PARENT.key, f"/parent/child/{CHILD}/{path}")


def take_repair(family: Family, album: Album) -> None:
    """A repair on the tablet, with what it needs and what another service is."""
    call = family.daemon.client.call
    before = call("edit", id=CHILD, set={"mode": "allow-list"}, by="Mum")
    album.take("teach", PARENT.key, f"/parent/child/{CHILD}/teach/")
    call("teach", id=CHILD, host="kundelik.example", device=TABLET.mac, by="Mum")
    tablet = family.home.devices[TABLET.key]
    for host in ("kundelik.example", "www.kundelik.example", "a.kundelik-static.example", "www.tiktok.com"):
        clients.curl(tablet, f"https://{host}/")
    album.take("site-repair", PARENT.key, f"/parent/child/{CHILD}/teach/", opened=True)
    album.take("home-repair", PARENT.key, "/parent/")
    album.take("child-repair", TABLET.key, "/my")
    call("teach_end", id=CHILD, keep=[], by="Mum")
    call("unedit", id=CHILD, revision=before["undo"], by="Mum")


def take_step(family: Family, album: Album) -> None:
    """Its month is the month of now: proposed, then put off, as both read it."""
    call = family.daemon.client.call
    month = str(call("status")["now"])[:7]
    before = call("edit", id=CHILD, set={"next_step": month}, by="Mum")
    call("clock")  # whoever asks for it is heard at once, not within a minute
    album.take("home-step", PARENT.key, "/parent/")
    album.take("step", PARENT.key, f"/parent/child/{CHILD}/step/")
    later = call("step", id=CHILD)["step"]["later"][2]
    call("postpone_step", id=CHILD, until=later, reason="First the exams, then we look again.", by="Mum")
    album.take("step-put-off", PARENT.key, f"/parent/child/{CHILD}/step/")
    album.take("child-step", TABLET.key, "/my/step")
    call("unedit", id=CHILD, revision=before["undo"], by="Mum")
    call("clock")


def take_accounts(family: Family, album: Album) -> None:
    """A helper and the provider's support are there already, as the console adds them."""
    for name, role in (("Oma", "helper"), ("Telecom", "support")):
        family.daemon.client.call("guardian", action="add", name=name, role=role)
    album.take("account", PARENT.key, "/account/", opened=True)
    album.take("password", PARENT.key, "/account/password")
    album.take("people", PARENT.key, "/parent/people/")
    album.take("people-opened", PARENT.key, "/parent/people/", opened=True)
    album.take("log", PARENT.key, "/parent/log/")
    album.take("support", PARENT.key, "/support/")
    album.sign_in("Oma")
    album.take("helper", PARENT.key, "/helper/")
    album.sign_in()
