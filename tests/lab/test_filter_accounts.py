"""Accounts on the real daemon and pages, from devices of the home: claim, guesses, a new password."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Iterator

import pytest

from tests.lab import clients, names
from tests.lab.clients import Outcome
from tests.lab.daemon import WEB_PORT, Daemon
from tests.lab.filtering import DAUGHTER, MUM, SON, ZONE
from tests.lab.home import Home
from tests.pace import longest
from webui import Settings, create_app
from webui.accounts.limiter import TRIES
from webui.accounts.session import STATIC

pytestmark = pytest.mark.lab

PAGES = f"http://{names.GATEWAY_IPV4}:{WEB_PORT}"
# They end this session, or begin another.
ENDING = {("POST", one) for one in ("/signout", "/account/end", "/signin", "/signin/password")}
FIRST, SECOND = "twelve green owls", "four quiet words here"


@pytest.fixture
def daemon(home: Home) -> Iterator[Daemon]:
    shutil.rmtree(home.folder / "qalqan" / "state", ignore_errors=True)
    profiles = {"daughter": DAUGHTER, "son": SON, "mum": MUM}
    with Daemon(home, profiles, settings={"timezone": ZONE.key}, web=True) as started:
        yield started


class Phone:
    """A browser of one device, with its cookies."""

    def __init__(self, home: Home, device: str, pages: str = PAGES) -> None:
        self._device, self._pages = home.devices[device], pages
        self._jar = str(home.folder / f"cookies-{device}")
        (home.folder / f"cookies-{device}").unlink(missing_ok=True)

    def get(self, path: str) -> Outcome:
        return self._ask(path)

    def post(self, path: str, **values: str) -> Outcome:
        form = [part for key, value in values.items() for part in ("--data-urlencode", f"{key}={value}")]
        return self._ask(path, "-H", f"Origin: {self._pages}", *form)

    def _ask(self, path: str, *extra: str) -> Outcome:
        return clients.curl(
            self._device, f"{self._pages}{path}", extra=["-c", self._jar, "-b", self._jar, *extra]
        )


ADDRESSES = 8


def test_a_device_with_a_network_of_addresses_has_the_tries_of_one_device(home: Home, daemon: Daemon) -> None:
    """Privacy addresses of IPv6, as many as it likes, and its link-local one; from the first of them on."""
    tablet = home.devices["tablet"]
    daemon.client.call("guardian", action="add", name="Mum")
    prefix = names.LAN_IPV6_PREFIX.partition("::")[0]
    sources = [f"{prefix}::bad:{number:x}" for number in range(ADDRESSES)]
    for one in sources:
        tablet.run(["ip", "-6", "addr", "add", f"{one}/64", "dev", "eth0", "nodad"], check=True)
    pages = f"http://[{names.GATEWAY_IPV6}]:{WEB_PORT}"
    near = f"[{_link_local(home)}%25eth0]:{WEB_PORT}"
    host = near.replace("%25eth0", "")
    tries = [(pages, ["--interface", one, "-H", f"Origin: {pages}"]) for one in sources]
    tries += [(f"http://{near}", ["-H", f"Host: {host}", "-H", f"Origin: http://{host}"])]
    typed = ["--data", "name=Mum&password=a guess or two"]
    try:
        codes = [
            clients.curl(tablet, f"{where}/signin/password", extra=[*extra, *typed]).status
            for where, extra in tries
            for _ in range(2)
        ]
    finally:
        for one in sources:
            tablet.run(["ip", "-6", "addr", "del", f"{one}/64", "dev", "eth0"])
    assert codes == [403] * TRIES + [429] * (2 * (ADDRESSES + 1) - TRIES)


def _link_local(home: Home) -> str:
    found = home.gateway.run(["ip", "-6", "-o", "addr", "show", "dev", "br-lan", "scope", "link"])
    return found.stdout.split()[3].partition("/")[0]


HOLD = """
import socket, sys, time
head = b"POST /signin/password HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: 9000\\r\\n\\r\\n"
held = []
for number in range(int(sys.argv[3])):
    held.append(socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=30))
    held[-1].sendall(head)
print("held", flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("address", [names.GATEWAY_IPV4, names.GATEWAY_IPV6])
def test_a_child_s_device_with_two_hundred_open_connections_stops_nobody_s_page(
    home: Home, daemon: Daemon, address: str
) -> None:
    command = [sys.executable, "-c", HOLD, address, str(WEB_PORT), "200"]
    with home.devices["tablet"].popen(command) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == b"held\n"
            mum = Phone(home, "parent")
            found = [mum.get("/signin") for _ in range(5)]
        finally:
            holder.kill()
    assert [one.status for one in found] == [303] * 5, "to the claim"
    assert max(one.ms for one in found) < longest(1.0) * 1000


def test_claim_guesses_and_recovery(home: Home, daemon: Daemon) -> None:
    label = str(daemon.client.call("guardian", action="list")["label"])
    mum, child = Phone(home, "parent"), Phone(home, "tablet")
    page = mum.get("/claim").body
    assert "Code on the label" in page
    assert "Press the button on the gateway, then send this form within two" in page

    # The claim, once, and everybody is told. Children have rules here, so the label alone is not enough.
    assert child.post("/claim", label=label, name="Child", password=FIRST).status == 403
    daemon.client.call("guardian", action="button")
    assert child.post("/claim", label="ABCD-EFGH", name="Child", password=FIRST).status == 403
    claimed = mum.post("/claim", label=label, name="Mum", password=FIRST)
    assert claimed.status == 303, claimed
    sheet = mum.get(claimed.location.removeprefix(PAGES)).body
    found = re.search(r"[2-9A-Z]{4}(?:-[2-9A-Z]{4}){3}", sheet)
    assert found is not None
    told = "Mum was added as a parent today with the label and the button, from"
    assert told in mum.get("/parent/").body
    assert told not in child.get("/my").body
    assert child.post("/claim", label=label, name="Child", password=FIRST).status == 403

    # A child's guesses are held off, and nobody else is, not even a browser that is new here.
    codes = [child.post("/signin/password", name="Mum", password=f"guess {n}").status for n in range(12)]
    assert codes.count(403) == TRIES - 3, "three claims that could be none were tries"
    assert codes[TRIES:] == [429] * (12 - TRIES)
    other = Phone(home, "phone")
    assert other.post("/signin/password", name="mum", password=FIRST).status == 303

    # A new password by the code on paper ends both sessions, and leaves the rules.
    daemon.client.call("pause", who="daughter", minutes=30, by="Mum")
    fresh = Phone(home, "parent")
    assert fresh.post("/forgot", name="Mum", way="code", code=found[0], password=SECOND).status == 303
    assert other.get("/parent/").status == 303
    assert "with a recovery code" in fresh.get("/parent/").body
    assert "with a recovery code" not in child.get("/my").body
    states = {one["id"]: one["state"] for one in daemon.client.call("status")["profiles"]}
    assert states["daughter"] == "paused"
    log = fresh.get("/parent/log/").body
    assert "set up this gateway" in log
    assert "set a new password with a recovery code" in log

    # It outlives the daemon, and the button alone opens nothing.
    daemon.kill()
    daemon.start()
    assert fresh.get("/parent/").status == 200
    assert other.post("/forgot", name="Mum", way="label", code=label, password=FIRST).status == 403
    daemon.client.call("guardian", action="button")
    assert other.post("/forgot", name="Mum", way="label", code="ABCD-EFGH", password=FIRST).status == 403
    assert other.post("/forgot", name="Mum", way="label", code=label, password=FIRST).status == 303
    assert fresh.get("/parent/").status == 303


def test_support_reads_health_and_nothing_of_a_child_on_any_route(home: Home, daemon: Daemon) -> None:
    """Every address that the pages and the API answer to, asked with the cookie of the provider's support."""
    call = daemon.client.call
    clients.curl(home.devices["tablet"], "https://www.tiktok.com/", timeout=1.0)
    call("request", device=names.TABLET.mac, minutes=15, reason="One more round")
    call("guardian", action="add", name="Mum")
    token = call("guardian", action="add", name="Telecom", role="support")["token"]
    support = Phone(home, "parent")
    assert support.post("/signin", code=str(token)).status == 303
    health = support.get("/support/").body
    assert "This page names no child, device, site or person." in health
    told, refused = {}, 0
    for method, path in _addresses(daemon, support):
        answer = support._ask(path, "-X", method, "-H", f"Origin: {PAGES}", "--data", "who=daughter")
        told[method, path] = answer.body.replace(path, "") if len(path) > 1 else answer.body
        refused += answer.status in (401, 403)
    assert len(told) > 200
    assert refused > 150
    secrets = (
        "Daughter",
        "daughter",
        "TikTok",
        "tiktok",
        "One more",
        "Son",
        "Mum",
        names.TABLET.mac,
        names.TABLET.ipv4,
    )
    # In how many services' words one reports somebody is on a page for everybody.
    services = {("GET", "/mean"): {"TikTok"}}
    for where, text in told.items():
        found = [one for one in secrets if one in text and one not in services.get(where, ())]
        assert found == [], (where, found)
    states = {one["state"] for one in call("status")["profiles"]}
    assert states == {"open"}, "and nothing was changed"
    assert [one["state"] for one in call("requests")["requests"]] == ["pending"]


def _addresses(daemon: Daemon, phone: Phone) -> list[tuple[str, str]]:
    """Method and path of all there is, about the daughter and her tablet."""
    found = {
        (method, rule.rule)
        for rule in create_app(Settings(daemon.socket)).url_map.iter_rules()
        for method in (rule.methods or set()) & {"GET", "POST"}
        if rule.endpoint != STATIC and rule.rule != "/parent/stream"
    }
    for path, methods in json.loads(phone.get("/api/v1/openapi.json").body)["paths"].items():
        found |= {(method.upper(), f"/api/v1{path}") for method in methods if method != "parameters"}
    filled = []
    for method, path in sorted(found):
        about = re.sub(r"[<{][^>}]*mac[^>}]*[>}]", names.TABLET.mac, path)
        about = re.sub(r"[<{][^>}]+[>}]", "daughter", about)
        if (method, about) not in ENDING and not about.endswith("/events"):
            filled.append((method, about))
    return filled
