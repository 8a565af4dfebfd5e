"""What the router's own settings decide, and how they lie over `qalqan.yaml`."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.errors import PolicyError
from gateway.household.router_settings import RouterSettings, lease_files, router_settings, system_zone
from gateway.household.uci import parse_uci
from gateway.policy.config.config import (
    Config,
    Flash,
    OffloadWish,
    ProviderProposal,
    RouterSetting,
    config_of,
    parse_config,
)
from gateway.policy.config.feed import DEFAULT_ROOT, FeedSource
from gateway.policy.config.list_tiers import ListTier
from gateway.policy.config.web import Https, Listen
from gateway.policy.time.list_update_times import UpdateInterval
from gateway.policy.yaml.documents import parse_document
from tests.policy.homes import refusal, words

FILE = "/etc/config/qalqan"
HTTPS = "https: {name: home.example.net, certificate: /a.pem, key: /b.pem}"


def router(text: str) -> RouterSettings:
    return router_settings(parse_uci(text, FILE))


def config(text: str, yaml: str = "country: kz") -> Config:
    document = parse_document(yaml, "qalqan.yaml")
    return config_of(router(text).over(document), words().is_public_suffix)


def test_all_that_a_router_decides() -> None:
    read = config("""
config qalqan 'main'
	option enabled '1'
	list lan 'br-lan'
	list lan 'br-guest'
	option flash 'poor'
	option offload 'off'
config web 'web'
	option enabled 'on'
	option port '8081'
	option allow_wan '1'
config paths 'paths'
	option state '/etc/qalqan/state'
	option runtime '/var/run/qalqan'
	option profiles '/etc/qalqan/kids'
config brand 'brand'
	option name 'Alma Net'
	option colour '#7A1F5B'
	option logo '/etc/qalqan/logo.svg'
	option support 'https://isp.example/help'
""")
    assert read.lan == ("br-lan", "br-guest")
    assert (read.flash, read.offload) == (Flash.POOR, OffloadWish.OFF)
    assert read.web == Listen(port=8081, allow_wan=True)
    assert (read.state, read.runtime) == ("/etc/qalqan/state", "/var/run/qalqan")
    assert read.profiles == "/etc/qalqan/kids"
    assert (read.brand.name, read.brand.colour) == ("Alma Net", "#7a1f5b")
    assert (read.brand.logo, read.brand.support) == ("/etc/qalqan/logo.svg", "https://isp.example/help")


def test_an_option_that_is_set_wins_and_all_else_stays() -> None:
    yaml = f"lan: [eth1]\nflash: poor\ncountry: kz\nweb: {{port: 80, allow_wan: true, {HTTPS}}}\n"
    yaml += "brand: {name: Old, support: '112'}"
    read = config("config web 'web'\n\toption port '8081'\nconfig brand 'brand'\n\toption name 'New'\n", yaml)
    https = Https("home.example.net", "/a.pem", "/b.pem")
    assert read.web == Listen(port=8081, allow_wan=True, https=https)
    assert (read.lan, read.flash, read.country) == (("eth1",), Flash.POOR, "kz")
    assert (read.brand.name, read.brand.support) == ("New", "112")


def test_updates_of_lists_and_their_tier() -> None:
    read = config("config qalqan main\n\toption lists_update 'off'\n", "lists: {update: weekly, tier: small}")
    assert (read.lists_update, read.lists_tier) == (UpdateInterval.OFF, ListTier.SMALL)
    read = config("config qalqan main\n\toption lists_tier large\n", "lists: {update: weekly, tier: small}")
    assert (read.lists_update, read.lists_tier) == (UpdateInterval.WEEKLY, ListTier.LARGE)
    assert (
        router("config qalqan main\n\toption lists_tier large\n").fixed["lists.tier"].option
        == "main.lists_tier"
    )
    text = "config defaults 'defaults'\n\toption lists_tier small\n"
    first = parse_config(router(text).first_text("UTC"), "qalqan.yaml", words().is_public_suffix)
    assert first.lists_tier is ListTier.SMALL


def test_what_is_empty_is_not_set() -> None:
    text = "config qalqan main\n\tlist lan ''\n\toption flash ''\nconfig web web\n\toption listen ' '\n"
    yaml = "lan: [eth1]\nflash: poor\nstate: /s\nruntime: /r\nleases: /l"
    assert config(text, yaml) == parse_config(yaml, "qalqan.yaml", words().is_public_suffix)


def test_where_a_router_has_things_that_nobody_named() -> None:
    """/var is memory there, and what dnsmasq lent is in /tmp. The file's own word goes before that."""
    read = config("config qalqan main\nconfig paths paths\n\toption state ''\n")
    assert (read.state, read.runtime) == ("/etc/qalqan/state", "/var/run/qalqan")
    assert read.profiles == Config().profiles
    assert read.leases == ("/tmp/dhcp.leases",)
    assert config("config qalqan main\n", "state: /s\nleases: []").state == "/s"
    assert config("config qalqan main\n", "leases: []").leases == ()


def test_where_the_router_says_that_leases_are() -> None:
    dhcp = "config dnsmasq\n\toption leasefile '/tmp/dhcp.leases'\nconfig dhcp lan\n\toption leasefile /no\n"
    dhcp += "config odhcpd odhcpd\n\toption leasefile '/tmp/hosts/odhcpd'\nconfig dnsmasq kids\n"
    read = lease_files(parse_uci(dhcp, "/etc/config/dhcp"))
    assert read == ("/tmp/dhcp.leases", "/tmp/hosts/odhcpd")
    settings = router_settings(parse_uci("config qalqan main\n", FILE), read)
    assert config_of(settings.over(parse_document("{}", "q")), words().is_public_suffix).leases == read
    strange = "config dnsmasq\n\toption leasefile 'x'\nconfig dnsmasq\n\tlist leasefile '/a'\n"
    assert lease_files(parse_uci(strange, "/etc/config/dhcp")) == ()


def test_where_the_pages_answer_is_said_by_one_of_the_two() -> None:
    yaml = 'web: {listen: "192.0.2.1:8082"}'
    assert config("config web web\n\toption port 8081\n", yaml).web == Listen(port=8081)
    listen = "config web web\n\toption listen '192.0.2.2:8083'\n"
    assert config(listen, "web: {port: 8081}").web == Listen(port=8083, address="192.0.2.2")


def test_an_interface_s_default_is_held_against_the_router_s_networks() -> None:
    text, yaml = "config qalqan main\n\tlist lan br-guest\n", "interfaces: {br-guest: quarantine}"
    assert config(text, yaml).interfaces == {"br-guest": "quarantine"}
    with pytest.raises(PolicyError, match=r"qalqan\.yaml:1: interfaces\.br-guest: is no interface of 'lan'"):
        parse_config(yaml, "qalqan.yaml", words().is_public_suffix)


def test_networks_in_one_option_as_older_files_have_them() -> None:
    assert config("config qalqan main\n\toption lan 'br-lan br-guest'\n").lan == ("br-lan", "br-guest")


@pytest.mark.parametrize(
    ("word", "on"), [("1", True), ("yes", True), ("enabled", True), ("0", False), ("Off", False)]
)
def test_switches_as_openwrt_has_them(word: str, *, on: bool) -> None:
    text = f"config qalqan main\n\toption enabled '{word}'\nconfig web web\n\toption allow_wan '{word}'\n"
    assert router(text).switches == {"main": on, "web": True}
    assert config(text).web.allow_wan is on


def test_which_keys_are_decided_and_where() -> None:
    text = "config qalqan main\n\tlist lan br-lan\n\tlist lan br-guest\n"
    text += "config web web\n\toption port 80\n"
    text += "config defaults defaults\n\toption country kz\n"
    assert router(text).fixed == {
        "lan": RouterSetting(FILE, "main.lan", "br-lan br-guest"),
        "web.port": RouterSetting(FILE, "web.port", "80"),
    }


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("config qalqan 'mian'", ":1: mian: is no section of ours; did you mean 'main'?"),
        ("config qalqan", ":1: a section of type 'qalqan' has no name; write it as: config qalqan 'qalqan'"),
        (
            "config qalqan main\n\toption lna br-lan",
            ":2: main.lna: is no option of ours; did you mean 'lan'?",
        ),
        (
            "config qalqan main\n\toption enabled maybe",
            ":2: main.enabled: 'maybe' is neither 1 nor 0; write 1 or 0",
        ),
        ("config web web\n\tlist port 80", ":2: web.port: is a list here; write it as: option port '80'"),
        ("config web web\n\toption port 0", ":2: web.port: '0' is not a number from 1 to 65535"),
        (
            "config web web\n\toption listen 1.2.3.4",
            ":2: web.listen: '1.2.3.4' is not an address with a port",
        ),
        ("config qalqan main\n\tlist lan a\n\tlist lan 'b;c'", ":3: main.lan: 'b;c' is no interface name"),
        ("config qalqan main\n\toption flash rich", ":2: main.flash: 'rich' is not known here"),
        ("config paths paths\n\toption state etc", ":2: paths.state: 'etc' is not a full path"),
    ],
)
def test_what_is_refused(text: str, says: str) -> None:
    with pytest.raises(PolicyError) as refused:
        config(text)
    assert str(refused.value).startswith(f"{FILE}{says}")
    assert "\n" not in str(refused.value)


def test_a_provider_s_feed() -> None:
    text = """
config feed 'feed'
	option url 'https://feed.example/qalqan'
	list mirror 'https://mirror.example/qalqan'
	option provider 'alma-net'
"""
    mirrors = ("https://mirror.example/qalqan",)
    assert config(text).feed == FeedSource("https://feed.example/qalqan", mirrors, DEFAULT_ROOT, "alma-net")
    assert config("config feed feed\n\toption url ''").feed is None


def test_what_a_first_file_says() -> None:
    text = """
config defaults 'defaults'
	option country 'kz'
	option language 'kk'
	option unknown_devices 'quarantine'
	option lists_update 'weekly'
	list propose_list 'adult'
	list propose_list 'oisd-nsfw'
	list propose_band '6-9'
	list propose_band '10-12'
"""
    first = router(text).first_text("Asia/Almaty")
    read = parse_config(first, "qalqan.yaml", words().is_public_suffix)
    assert (read.country, read.language, read.timezone) == ("kz", "kk", "Asia/Almaty")
    assert read.unknown_devices == "quarantine"
    assert read.lists_update is UpdateInterval.WEEKLY
    assert read.propose == ProviderProposal(("adult", "oisd-nsfw"), ("6-9", "10-12"))
    assert config(text, "language: ru").country == ""  # the defaults hold for that file alone


@pytest.mark.parametrize(
    ("chosen", "system", "zone"),
    [
        ("Asia/Oral", "Asia/Almaty", "Asia/Oral"),
        ("", "Asia/Almaty", "Asia/Almaty"),
        ("", "Mars/Base", "UTC"),
        ("", "../../etc/passwd", "UTC"),
        ("", "", "UTC"),
    ],
)
def test_the_time_zone_of_a_first_file(chosen: str, system: str, zone: str) -> None:
    first = router(f"config defaults defaults\n\toption timezone '{chosen}'\n").first_text(system)
    assert parse_config(first, "qalqan.yaml", words().is_public_suffix).timezone == zone


def test_the_system_s_zone() -> None:
    text = "config system\n\toption timezone 'EST5EDT'\n\toption zonename 'America/New York'\n"
    text += "config timeserver ntp\n"
    assert system_zone(parse_uci(text, "system")) == "America/New_York"
    assert system_zone(parse_uci("config system\n", "system")) == ""


@given(st.text("'\" \n\tconfigloptnsmaiwebpathdru08.", max_size=80))
@settings(max_examples=100, deadline=None)
def test_any_text_is_settings_or_one_line(tail: str) -> None:
    assert "\n" not in refusal(lambda: config(f"config qalqan main\noption lan {tail}"))
