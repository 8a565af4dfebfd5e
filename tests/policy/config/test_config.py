from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.errors import PolicyError
from gateway.policy.config.config import (
    AgeTrust,
    Config,
    DnsRefusal,
    Flash,
    MarkBits,
    OffloadWish,
    parse_config,
)
from gateway.policy.config.web import Https, Listen
from tests.policy.homes import refusal, words

CONTRACT = """
lan: [br-lan]                    # interfaces that face the home
state: /var/lib/qalqan           # database, category tables
runtime: /run/qalqan             # control.sock
profiles: /etc/qalqan/profiles   # one file a child
web: {port: 8080}                # on the addresses of the lan interfaces only
country: kz                      # help lines, holidays
timezone: Asia/Almaty
unknown_devices: guest           # guest | quarantine | home | a profile
leases: /tmp/dhcp.leases         # dnsmasq's, where there is one
shared: {"02:00:00:00:00:aa": {people: [daughter, son]}}
managed: {"02:00:00:00:00:bb": [vpn.school.kz]}
"""


def config(text: str | bytes) -> Config:
    return parse_config(text, "qalqan.yaml", words().is_public_suffix)


def test_the_configuration_of_the_contract() -> None:
    read = config(CONTRACT)
    assert read.lan == ("br-lan",)
    assert (read.state, read.runtime, read.profiles) == (
        "/var/lib/qalqan",
        "/run/qalqan",
        "/etc/qalqan/profiles",
    )
    assert read.web == Listen(8080, None, allow_wan=False)
    assert (read.country, read.timezone, read.unknown_devices) == ("kz", "Asia/Almaty", "guest")
    assert str(read.zone) == "Asia/Almaty"
    assert read.leases == ("/tmp/dhcp.leases",)
    assert read.shared == {"02:00:00:00:00:aa": ("daughter", "son")}
    assert read.managed == {"02:00:00:00:00:bb": ("vpn.school.kz",)}
    assert read.day_starts == 240


def test_every_key_has_a_default() -> None:
    assert config("country: kz") == Config(country="kz")
    assert config("country: kz").dns_refusal is DnsRefusal.EXPLAIN


@pytest.mark.parametrize(
    ("text", "listen"),
    [
        ("web: {listen: '127.0.0.1:8080'}", Listen(8080, "127.0.0.1")),
        ("web: {listen: '[FE80::1]:80'}", Listen(80, "fe80::1")),
        ("web: {port: 443, allow_wan: true}", Listen(443, None, allow_wan=True)),
    ],
)
def test_where_the_pages_listen(text: str, listen: Listen) -> None:
    assert config(text).web == listen


NAMED = "name: K7q2m9x4.gw.isp.test, certificate: /etc/qalqan/tls/chain.pem, key: /etc/qalqan/tls/key.pem"


def test_a_trusted_name_of_the_pages() -> None:
    https = Https("k7q2m9x4.gw.isp.test", "/etc/qalqan/tls/chain.pem", "/etc/qalqan/tls/key.pem")
    assert config(f"web: {{https: {{{NAMED}}}}}").web == Listen(https=https)
    assert https.port == 8443
    read = config(f"web: {{port: 8081, https: {{{NAMED}, port: 443}}}}").web
    assert read == Listen(8081, https=replace(https, port=443))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{name: a.isp.test, key: /k}", "web.https: has no 'certificate'; add a line 'certificate: …'"),
        (
            NAMED.replace("K7q2m9x4.gw.isp.test", "qalqan.home.arpa"),
            "qalqan.home.arpa exists at home alone: no authority",
        ),
        (NAMED.replace("K7q2m9x4.gw.isp.test", "192.168.1.1"), "web.https.name: '192.168.1.1' "),
        (NAMED.replace("K7q2m9x4.gw.isp.test", "co.uk"), "is a public suffix"),
        (NAMED.replace("/etc/qalqan/tls/key.pem", "key.pem"), "web.https.key: 'key.pem' is not a full path"),
        (
            NAMED + ", port: 8080",
            "has port 8080, where the pages are plain; give it another, or leave it out",
        ),
        (NAMED + ", port: 0", "web.https.port: '0' is not a number from 1 to 65535"),
        (NAMED + ", hsts: true", "web.https.hsts: is not a known key"),
    ],
)
def test_a_trusted_name_that_cannot_be(text: str, says: str) -> None:
    written = text if text.startswith("{") else f"{{{text}}}"
    told = refusal(lambda: config(f"web: {{https: {written}}}"))
    assert says in told
    assert "\n" not in told


def test_unknown_devices_in_any_case() -> None:
    assert config("unknown_devices: Quarantine").unknown_devices == "quarantine"
    assert config("unknown_devices: Anna").unknown_devices == "Anna"


def test_whether_a_recognised_newcomer_keeps_its_child_s_rules() -> None:
    assert config("country: kz").keep_profile
    assert not config("keep_profile: no").keep_profile
    told = refusal(lambda: config("unknown_devices: guest\nkeep_profile: perhaps"))
    assert "qalqan.yaml:2: keep_profile: 'perhaps' is neither true nor false; write true or false" in told


def test_what_strangers_are_by_interface() -> None:
    read = config(
        "lan: [br-lan, br-guest, lan.7]\nunknown_devices: home\ninterfaces: {br-guest: Guest, lan.7: Anna}"
    )
    assert read.interfaces == {"br-guest": "guest", "lan.7": "Anna"}
    told = [read.unknown_device_on(name) for name in ("br-lan", "br-guest", "lan.7", None)]
    assert told == ["home", "guest", "Anna", "home"]


def test_the_gateways_door() -> None:
    assert (config("country: kz").gateway_open, config("country: kz").gateway_ports) == (False, ())
    read = config("gateway_access: open\ngateway_ports: [445, 8096]")
    assert (read.gateway_open, read.gateway_ports) == (True, (445, 8096))


def test_what_is_beside_the_contract() -> None:
    read = config("""
day_starts: 05:30
language: kk
languages: [kk, ru]
dns_refusal: zero
queue_base: 300
marks: {packet: 0xff00, ct: 0x0000ff00, slot: 0xff000000}
""")
    assert (read.day_starts, read.languages, read.dns_refusal) == (330, ("kk", "ru"), DnsRefusal.ZERO)
    assert read.language == "kk"
    assert (read.queue_base, read.marks) == (300, MarkBits(0xFF00, 0xFF00, 0xFF000000))


def test_what_the_machine_is_like() -> None:
    assert (config("country: kz").flash, config("country: kz").offload) == (Flash.NORMAL, OffloadWish.OFF)
    read = config("flash: poor\noffload: auto")
    assert (read.flash, read.offload) == (Flash.POOR, OffloadWish.AUTO)
    assert config("offload: hardware").offload is OffloadWish.HARDWARE


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("language: de", "language: 'de' is not known here; use one of: en, ru, kk"),
        (
            "timezone: Asia/Almata",
            "timezone: the time zone 'Asia/Almata' is unknown; write it like Asia/Almaty",
        ),
        ("timezone: ../../etc/passwd", "is unknown"),
        ("timezone: Asia", "is unknown"),
        ("timezone: /etc/localtime", "is unknown"),
        ("timezone: zone.tab", "is unknown"),
        ("lan: []", "name 1 to 16"),
        ("lan: ['br-lan; drop']", "'br-lan; drop' is no interface name"),
        ("lan: [" + "a" * 16 + "]", "is no interface name"),
        ("lan: [eth0.10@eth0]", "'eth0.10@eth0' is two names; write 'eth0.10' alone"),
        (
            "interfaces: {br-guest: guest}",
            "interfaces.br-guest: is no interface of 'lan'; add it to 'lan', or use one of: br-lan",
        ),
        ("interfaces: {br-lan: ''}", "interfaces.br-lan: is empty"),
        ("interfaces: [br-lan]", "is a list, not a mapping"),
        ("gateway_access: shut", "'shut' is not known here; use one of: closed, open"),
        ("gateway_ports: [445, 0]", "gateway_ports[2]: '0' is not a number from 1 to 65535"),
        ("gateway_ports: 445", "is a text, not a list"),
        (f"gateway_ports: {list(range(1, 66))}", "names 65 ports"),
        ("state: var/lib", "is not a full path"),
        ("profiles: /etc/../x", "is not a full path"),
        ("web: {port: 0}", "is not a number from 1 to 65535"),
        ("web: {listen: 'localhost:80'}", "is not an address with a port"),
        ("web: {listen: '1.2.3.4'}", "is not an address with a port"),
        ("web: {listen: '1.2.3.4:70000'}", "is not an address with a port"),
        ("country: Kazakhstan", "is no country"),
        ("shared: {'02:00:00:00:00:aa': {people: [daughter]}}", "names fewer than two people"),
        ("shared: {'02:00:00:00:00:aa': [daughter, son]}", "is a list, not a mapping"),
        ("shared: {nonsense: {people: [a, b]}}", "'nonsense' is not a MAC address"),
        (
            "managed: {'02:00:00:00:00:bb': [a.example], '02-00-00-00-00-BB': [b.example]}",
            "'02:00:00:00:00:bb' is there twice",
        ),
        ("managed: {'02:00:00:00:00:bb': [kz]}", "is a public suffix"),
        ("marks: {ct: 0xfff}", "is not eight bits side by side"),
        ("marks: {ct: 0xff0000}", "has 'ct' and 'slot' on the same bits"),
        ("queue_base: 65513", "is not a number from 0 to 65512"),
        ("day_starts: 4", "is not a time of day"),
        ("languages: [de]", "'de' is not known here"),
        ("flash: rich", "flash: 'rich' is not known here; use one of: normal, poor"),
        ("offload: on", "offload: 'on' is not known here; use one of: auto, hardware, off"),
        ("dns_refusal: refused", "'refused' is not known here"),
        ("time_zone: Asia/Almaty", "did you mean 'timezone'?"),
    ],
)
def test_what_is_refused(text: str, says: str) -> None:
    with pytest.raises(PolicyError, match=r"qalqan\.yaml:1: ") as refused:
        config(text)
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


@given(st.one_of(st.text(), st.binary()))
@settings(max_examples=200, deadline=None)
def test_any_text_is_a_configuration_or_one_line(source: str | bytes) -> None:
    assert "\n" not in refusal(lambda: config(source))


@given(st.text(max_size=300), st.sampled_from(["timezone", "lan", "web", "leases", "country", "day_starts"]))
@settings(max_examples=300, deadline=None)
def test_any_value_is_a_configuration_or_one_line(value: str, key: str) -> None:
    quoted = "".join(f"\\U{ord(char):08x}" for char in value)
    assert "\n" not in refusal(lambda: config(f'{key}: "{quoted}"'))


def test_lease_files_are_one_or_several() -> None:
    def leases(text: str) -> tuple[str, ...]:
        return config(f"leases: {text}\n").leases

    assert leases("[/tmp/dhcp.leases, /tmp/odhcpd.leases]") == ("/tmp/dhcp.leases", "/tmp/odhcpd.leases")
    assert leases("[]") == leases("") == ()
    with pytest.raises(PolicyError, match=r"leases\[2\].* is not a full path"):
        leases("[/a, b]")


def test_whose_adult_proofs_count() -> None:
    key = "3q2+796tvu/erb7v3q2+796tvu/erb7v3q2+796tvu8="
    read = config(f"age_trust: {{file: /etc/qalqan/age-trust.json, key: {key}}}").age_trust
    assert read == AgeTrust("/etc/qalqan/age-trust.json", key)
    assert config("country: kz").age_trust is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{file: trust.json, key: 3q2+796tvu/erb7v3q2+796tvu/erb7v3q2+796tvu8=}", "is not a full path"),
        ("{file: /etc/trust.json, key: abcd}", "is no public key"),
        ("{file: /etc/trust.json, key: '!'}", "is no public key"),
        ("{file: /etc/trust.json}", "key"),
        ("/etc/trust.json", "age_trust"),
        ("{file: /etc/t.json, key: abcd, more: 1}", "more"),
    ],
)
def test_a_trust_file_without_its_key_is_refused(text: str, told: str) -> None:
    assert told in refusal(lambda: config(f"age_trust: {text}"))
