"""No way around by addresses: a name at an address not its own, a known resolver under an innocent name."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.lab import clients, names
from tests.lab.daemon import Daemon
from tests.lab.filtering import ALLOWED, CUT, DAUGHTER, FAMILIES, MUM, SON, address, fetch, fresh, until
from tests.lab.home import Home
from tests.lab.netns import Namespace

pytestmark = pytest.mark.lab

ELSEWHERE = "www.wikipedia.org"  # another site, at another address
RESOLVERS = {4: "8.8.8.8", 6: "2001:4860:4860::8888"}
OWN = {4: names.GATEWAY_IPV4, 6: names.GATEWAY_IPV6}
SCHOOL = "dns.school.kz"  # encrypted DNS that the family allows
PUPIL = {**SON, "allow": [SCHOOL]}
BACK_S = 3.0  # from the daemon's start until a site with a known address opens
TRIES = pytest.mark.parametrize("scheme", ["https", "http"])


@pytest.fixture(scope="module")
def daemon(home: Home) -> Iterator[Daemon]:
    daughter = {**DAUGHTER, "band": "6-9", "allow": ["example.org"], "limits": {}}
    with fresh(home, {"daughter": daughter, "son": PUPIL, "mum": MUM}) as started:
        yield started


def _resolve(device: Namespace, host: str, version: int) -> None:
    qtype = "A" if version == 4 else "AAAA"
    answer = clients.dig(device, host, qtype, server=OWN[version])
    assert answer.records == (address(host, version),), answer.text


@FAMILIES
@TRIES
def test_a_small_child_reaches_a_site_at_its_own_address_alone(
    home: Home, tablet: Namespace, version: int, scheme: str
) -> None:
    _resolve(tablet, ALLOWED, version)
    url, wrong = f"{scheme}://{ALLOWED}/", address(ELSEWHERE, version)
    assert fetch(tablet, url, version).reached
    for _ in range(2):  # the gateway's own answer, which the first refusal asks for, says the same
        outcome = fetch(tablet, url, version, to=wrong)
        assert not outcome.reached, outcome
        assert outcome.how in CUT, outcome
    assert fetch(tablet, url, version).reached
    for older in ("phone", "parent"):
        outcome = fetch(home.devices[older], url, version, to=wrong)
        assert outcome.reached, (older, outcome)


@FAMILIES
def test_why_it_was_refused_is_told(daemon: Daemon, tablet: Namespace, version: int) -> None:
    fetch(tablet, f"https://{ALLOWED}/", version, to=address(ELSEWHERE, version))
    assert daemon.client.call("status")["verdicts"].get("block:unresolved", 0) > 0


@FAMILIES
def test_a_device_that_kept_its_addresses_is_back_soon_after_a_crash(
    daemon: Daemon, tablet: Namespace, version: int
) -> None:
    """Nobody asks again: the device has the address, and the gateway has forgotten that it gave it."""
    url = f"https://{ELSEWHERE}/"
    _resolve(tablet, ELSEWHERE, version)
    assert fetch(tablet, url, version).reached
    daemon.kill()
    daemon.start()
    assert until(lambda: fetch(tablet, url, version).reached, BACK_S, 0.2) is not None
    assert daemon.client.call("status")["verdicts"]["block:unresolved"] > 0, "the first try was refused"
    assert not fetch(tablet, url, version, to=address(ALLOWED, version)).reached


@FAMILIES
@pytest.mark.parametrize("device", ["tablet", "phone"])
def test_a_known_resolver_under_an_innocent_name(
    home: Home, daemon: Daemon, device: str, version: int
) -> None:
    where = RESOLVERS[version]
    for scheme in ("https", "http"):
        outcome = fetch(home.devices[device], f"{scheme}://{ALLOWED}/", version, to=where)
        assert not outcome.reached, outcome
    assert fetch(home.devices["parent"], f"https://{ALLOWED}/", version, to=where).reached
    assert daemon.client.call("status")["verdicts"].get("block:encrypted_dns", 0) > 0


@FAMILIES
def test_a_family_that_opens_it(home: Home, daemon: Daemon, version: int) -> None:
    daemon.write_profile("son", {**PUPIL, "ways": {"encrypted_dns": "allow"}})
    daemon.reload()
    phone = home.devices["phone"]
    url = f"https://{ALLOWED}/"
    assert until(lambda: fetch(phone, url, version, to=RESOLVERS[version]).reached, 5.0, 0.2) is not None
    daemon.write_profile("son", PUPIL)
    daemon.reload()
    assert until(lambda: not fetch(phone, url, version, to=RESOLVERS[version]).reached, 5.0, 0.2) is not None


@FAMILIES
def test_a_connection_of_a_small_child_by_its_own_resolver(tablet: Namespace, version: int) -> None:
    """As devices do it, without a refusal: asked and called, whichever resolver answered."""
    host = f"v{version}.example.org"
    for server in (OWN[version], RESOLVERS[version]):
        answer = clients.dig(tablet, host, "A" if version == 4 else "AAAA", server=server)
        assert answer.records == (address(host, version),), answer.text
        assert fetch(tablet, f"https://{host}/", version).reached


@FAMILIES
def test_a_tunnel_to_what_the_family_allows(home: Home, daemon: Daemon, version: int) -> None:
    """Nothing in it tells the name: the gateway asked for that by itself. Time rules hold all the same."""
    phone, server = home.devices["phone"], address(SCHOOL, version)

    def answered(device: Namespace, where: str) -> bool:
        return bool(clients.dig(device, ALLOWED, server=where, extra=("+tls",)).records)

    assert until(lambda: answered(phone, server), BACK_S, 0.2) is not None
    assert not answered(phone, address(ELSEWHERE, version))
    assert not answered(home.devices["tablet"], server)
    daemon.client.call("pause", who="son")
    assert not answered(phone, server)
    daemon.client.call("resume", who="son")
    assert answered(phone, server)


def test_why_of_a_connection_of_this_device(daemon: Daemon, tablet: Namespace) -> None:
    _resolve(tablet, ALLOWED, 4)

    def reason(to: str) -> str:
        told = daemon.client.call("why", device=names.TABLET.mac, host=ALLOWED, to=to, speaks="tls")
        return f"{told['verdict']} {told['reason']}"

    assert reason(address(ALLOWED, 4)) == "allow family_allow"
    assert reason(address(ELSEWHERE, 4)) == "block unresolved"
    assert reason("9.9.9.9") == "block encrypted_dns"
