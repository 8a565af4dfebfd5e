"""Commands that read files: why, profile, lists. No daemon runs, and none is needed."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.cli.conftest import Qalqan

AFTERNOON = "2026-11-24T16:00"


# ---------------------------------------------------------------- why


def test_why_says_the_contracts_object(qalqan: Qalqan, config: Path) -> None:
    done = qalqan(
        "why", "TikTok.com", "--profile", "daughter", "--at", AFTERNOON, "--json", "--config", config
    )
    assert done.status == 0
    assert done.err == ""
    answer = json.loads(done.out)
    assert list(answer)[:8] == ["host", "at", "verdict", "reason", "rule", "owner", "until", "passed"]
    assert answer["host"] == "tiktok.com"
    assert answer["at"] == "2026-11-24T16:00:00+05:00"
    assert (answer["verdict"], answer["reason"]) == ("block", "family_block")
    assert (answer["rule"], answer["owner"], answer["until"]) == ("block: service:tiktok", "family", None)
    assert {"rule": "help", "outcome": "no match"} in answer["passed"]
    assert (answer["minutes_left"], answer["next_change"]) == (None, None)


@pytest.mark.parametrize("by_path", [False, True])
def test_why_knows_the_familys_own_services(qalqan: Qalqan, tmp_path: Path, *, by_path: bool) -> None:
    config, profiles = tmp_path / "qalqan.yaml", tmp_path / "profiles"
    profiles.mkdir()
    file = profiles / "kid.yaml"
    file.write_text('band: 10-12\nblock: ["service:club-penguin"]\n')
    services = "services: {club-penguin: {name: Club Penguin, domains: [cpjourney.net]}}"
    config.write_text(f"state: {tmp_path}/state\nprofiles: {profiles}\n{services}\n")
    who = str(file) if by_path else "kid"
    done = qalqan("why", "play.cpjourney.net", "--profile", who, "--at", AFTERNOON, "--config", config)
    assert done.status == 0
    assert "Club Penguin is blocked. Your family set this." in done.out


def test_why_in_words_says_what_it_cannot_know(qalqan: Qalqan, config: Path) -> None:
    done = qalqan("--config", config, "why", "tiktok.com", "--profile", "Aruzhan", "--at", AFTERNOON)
    assert done.status == 0
    assert "TikTok is blocked. Your family set this." in done.out
    assert "pauses, grants and used time are not included" in done.out


@pytest.mark.parametrize(
    ("at", "reason"), [(AFTERNOON, "open"), ("2026-11-24T23:30", "bedtime"), ("2026-11-24T18:30Z", "bedtime")]
)
def test_why_at_another_time(qalqan: Qalqan, config: Path, at: str, reason: str) -> None:
    done = qalqan("why", "example.com", "--profile", "daughter", "--at", at, "--json", "--config", config)
    assert json.loads(done.out)["reason"] == reason


def test_why_says_how_much_is_left_and_what_comes_next(qalqan: Qalqan, config: Path) -> None:
    done = qalqan("why", "example.com", "--profile", "daughter", "--at", AFTERNOON, "--config", config)
    lines = [line.split() for line in done.out.splitlines()]
    assert ["minutes", "left", "285"] in lines
    assert ["next", "change", "2026-11-24T20:45:00+05:00:", "block", "(bedtime)"] in lines
    done = qalqan("why", "roblox.com", "--profile", "daughter", "--at", AFTERNOON, "--config", config)
    assert "2 h left today for play." in done.out


def test_why_of_a_connection(qalqan: Qalqan, config: Path) -> None:
    ask = ("why", "--profile", "daughter", "--at", AFTERNOON, "--config", config)
    done = qalqan(*ask, "--to", "[2001:db8::7]:51820", "--speaks", "wireguard", "--json")
    answer = json.loads(done.out)
    assert (answer["host"], answer["to"], answer["speaks"]) == (None, "[2001:db8::7]:51820", "wireguard")
    assert (answer["verdict"], answer["reason"]) == ("block", "vpn")
    done = qalqan(*ask, "--to", "192.0.2.7:1080", "--speaks", "socks")
    assert done.out.startswith("a connection to 192.0.2.7:1080 at 2026-11-24T16:00:00+05:00: block\nA proxy ")
    done = qalqan(*ask, "www.example.org", "--to", "example.org")
    assert done.status == 1
    fix = "write it like 192.0.2.7:443 or [2001:db8::7]:443"
    assert done.err == f"qalqan: --to: 'example.org' is no address with a port; {fix}\n"


def test_why_for_a_device(qalqan: Qalqan, config: Path) -> None:
    def reason(mac: str) -> str:
        done = qalqan("why", "tiktok.com", "--device", mac, "--at", AFTERNOON, "--json", "--config", config)
        return str(json.loads(done.out)["rule"])

    assert reason("02-00-00-00-00-0A") == "block: service:tiktok"
    assert reason("02:00:00:00:00:99") != "block: service:tiktok"  # nobody's: a guest


@pytest.mark.parametrize(
    ("interface", "verdict"), [("br.guest", "block"), ("br-lan", "allow"), (None, "allow")]
)
def test_why_for_a_stranger_goes_by_the_network_on_which_it_is(
    qalqan: Qalqan, config: Path, monkeypatch: pytest.MonkeyPatch, interface: str | None, verdict: str
) -> None:
    kept = [
        line for line in config.read_text().splitlines() if not line.startswith(("lan:", "unknown_devices:"))
    ]
    more = ["lan: [br-lan, br.guest]", "unknown_devices: home", "interfaces: {br.guest: daughter}"]
    config.write_text("\n".join([*kept, *more]))
    monkeypatch.setattr("gateway.cli.rule_files._interface_of", lambda _: interface)
    words = ("why", "tiktok.com", "--device", "02:00:00:00:00:99", "--at", AFTERNOON, "--json")
    assert json.loads(qalqan(*words, "--config", config).out)["verdict"] == verdict


def test_why_says_that_the_file_of_a_devices_child_is_broken(qalqan: Qalqan, config: Path) -> None:
    (config.parent / "profiles" / "daughter.yaml").write_text('band: oops\ndevices: ["02:00:00:00:00:0a"]\n')
    words = ("why", "tiktok.com", "--at", AFTERNOON, "--json", "--config", config)
    done = qalqan(*words, "--device", "02:00:00:00:00:0a")
    assert done.status == 0
    assert "daughter.yaml:1: band: 'oops' is not known here" in done.err
    (problem,) = json.loads(done.out)["problems"]
    assert done.err == f"qalqan: {problem}\n"
    assert json.loads(qalqan(*words, "--device", "02:00:00:00:00:99").out)["problems"] == []
    assert "daughter.yaml:1: band" in qalqan(*words, "--profile", "DAUGHTER").refusal


def test_why_with_a_profiles_file_needs_no_configuration(qalqan: Qalqan, tmp_path: Path) -> None:
    file = tmp_path / "kid.yaml"
    file.write_text("band: 6-9\n")
    done = qalqan("why", "pornhub.com", "--profile", file, "--at", AFTERNOON, "--json")
    answer = json.loads(done.out)
    assert answer["at"] == "2026-11-24T16:00:00+00:00"
    assert answer["verdict"] == "block"


def test_the_seed_filters_before_any_list_is_fetched(qalqan: Qalqan, config: Path) -> None:
    done = qalqan("why", "bet365.com", "--profile", "son", "--at", AFTERNOON, "--json", "--config", config)
    assert json.loads(done.out)["rule"].startswith("band 13-15: category:gambling")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--profile", "dauhgter"), "'dauhgter': there is no such profile; did you mean 'daughter'?"),
        (
            ("--profile", "/nowhere/kid.yaml"),
            "/nowhere/kid.yaml: does not exist; give the path of a profile's file, or its id",
        ),
        (("--device", "nonsense"), "--device: 'nonsense' is not a MAC address; write it like"),
        (
            ("--profile", "daughter", "--at", "soon"),
            "--at: 'soon' is not a time; write it like 2026-12-24T18:00",
        ),
        (("--profile", "daughter", "--at", "9999-01-01"), "--at: '9999-01-01' is not a time"),
    ],
)
def test_why_refuses_in_one_line(qalqan: Qalqan, config: Path, words: tuple[str, ...], said: str) -> None:
    assert said in qalqan("why", "example.com", *words, "--config", config).refusal


def test_why_refuses_what_is_no_host(qalqan: Qalqan, config: Path) -> None:
    done = qalqan("why", "https://example.com/page", "--profile", "son", "--config", config)
    assert "write example.com" in done.refusal


def test_a_missing_configuration_is_named(qalqan: Qalqan, tmp_path: Path) -> None:
    done = qalqan("why", "example.com", "--profile", "daughter", "--config", tmp_path / "none.yaml")
    assert "none.yaml: does not exist; create it" in done.refusal


def test_a_named_configuration_must_be_there_for_a_file_too(qalqan: Qalqan, tmp_path: Path) -> None:
    (tmp_path / "kid.yaml").write_text("band: 6-9\n")
    done = qalqan(
        "why", "example.com", "--profile", tmp_path / "kid.yaml", "--config", tmp_path / "none.yaml"
    )
    assert "none.yaml: does not exist" in done.refusal


def test_a_broken_profile_says_its_own_fault(qalqan: Qalqan, config: Path) -> None:
    (config.parent / "profiles" / "son.yaml").write_text("band: 13-15\nblok: [example.com]\n")
    said = qalqan("why", "example.com", "--profile", "son", "--config", config).refusal
    assert "son.yaml:2" in said
    assert "block" in said


# ---------------------------------------------------------------- profile


def test_profiles_are_listed(qalqan: Qalqan, config: Path) -> None:
    done = qalqan("profile", "list", "--config", config)
    assert done.out.splitlines()[1].split() == ["daughter", "Aruzhan", "10-12", "02:00:00:00:00:0a"]
    listed = json.loads(qalqan("profile", "list", "--json", "--config", config).out)
    assert [profile["id"] for profile in listed["profiles"]] == ["daughter", "son"]


def test_a_broken_file_is_reported_beside_the_list(qalqan: Qalqan, config: Path) -> None:
    (config.parent / "profiles" / "son.yaml").write_text("band: 99\n")
    done = qalqan("profile", "list", "--config", config)
    assert "son.yaml:1: band" in done.refusal
    assert "daughter" in done.out


def test_a_profile_is_shown_with_owners(qalqan: Qalqan, config: Path) -> None:
    lines = [
        line.split() for line in qalqan("profile", "show", "daughter", "--config", config).out.splitlines()
    ]
    assert ["block", "service:tiktok", "family"] in lines
    assert ["bedtime", "school:", "20:45-07:00", "band:10-12"] in lines
    assert ["category:gambling", "block", "band:10-12"] in lines


def test_the_device_stands_for_its_owner(qalqan: Qalqan, config: Path) -> None:
    done = qalqan("profile", "show", "02:00:00:00:00:0a", "--week", "--config", config)
    lines = done.out.splitlines()
    assert lines[0] == "Aruzhan (daughter), band 10-12"
    assert lines[1].split("  ")[0] == "DAY"
    assert len(lines) == 9
    assert sum("free" in line.split() for line in lines) >= 2


def test_a_week_says_why_a_day_is_what_it_is(qalqan: Qalqan, config: Path) -> None:
    zone = ZoneInfo("Asia/Almaty")
    today = datetime.now(UTC).astimezone(zone).date()
    first, second = today + timedelta(days=1), today + timedelta(days=2)
    file = config.parent / "profiles" / "daughter.yaml"
    school = config.parent / "profiles" / "school.ics"
    event = ("BEGIN:VEVENT", f"DTSTART;VALUE=DATE:{second:%Y%m%d}", "END:VEVENT")
    school.write_text("\r\n".join(("BEGIN:VCALENDAR", *event, "END:VCALENDAR")))
    with file.open("a") as out:
        out.write(
            f"\ncalendars: [school.ics]\ndates: {{{first}: {{day: school, bedtime: {{}},"
            " limits: {play: 5h}, windows: {internet: []}}}\n"
        )
    lines = qalqan("profile", "show", "daughter", "--week", "--config", config).out.splitlines()
    cells = re.split(r"  +", lines[3])
    assert cells[1:3] == ["school (exception)", "none"]
    assert "play 5 h" in cells[3]
    assert "internet never" in cells[4]
    assert cells[5] == "school, bedtime, limits, windows"
    answer = json.loads(qalqan("profile", "show", "daughter", "--week", "--json", "--config", config).out)
    assert answer["profile"]["id"] == "daughter"
    assert [day["date"] for day in answer["days"]] == [
        str(today + timedelta(days=ahead)) for ahead in range(7)
    ]
    day = answer["days"][1]
    assert day["because"] == "exception"
    assert day["bedtime"] == []
    assert day["windows"]["internet"] == []
    assert day["limits"]["play"] == {"minutes": 300, "owner": "family"}
    assert answer["days"][2]["counts_as"] == "free"
    assert answer["days"][2]["because"] in ("calendar", "holiday")
    rules = json.loads(qalqan("profile", "show", "daughter", "--json", "--config", config).out)["rules"]
    assert {"rule": "landing", "value": "10 min", "owner": "band:10-12"} in rules
    assert {"rule": "calendar", "value": "school.ics", "owner": "family"} in rules


def test_a_week_has_its_limits(qalqan: Qalqan, config: Path) -> None:
    file = config.parent / "profiles" / "daughter.yaml"
    file.write_text(
        "name: Aruzhan\nband: 10-12\nlimits: {internet: {school: 2h, week: 16h}, play: {week: 90m}}\n"
    )
    show = ("profile", "show", "daughter")
    assert qalqan(*show, "--week", "--config", config).out.splitlines()[1] == (
        "limits a week: play 1 h 30 min; internet 16 h"
    )
    week = json.loads(qalqan(*show, "--week", "--json", "--config", config).out)["week"]
    assert week["limits"]["internet"] == {"minutes": 960, "owner": "family"}
    rules = json.loads(qalqan(*show, "--json", "--config", config).out)["rules"]
    assert {"rule": "limit internet", "value": "week: 16 h", "owner": "family"} in rules


# ---------------------------------------------------------------- lists


def test_lists_are_built_from_the_seed_and_looked_up(qalqan: Qalqan, config: Path) -> None:
    assert "No table is built" in qalqan("lists", "status", "--config", config).out
    done = qalqan("lists", "build", "--config", config)
    assert done.status == 0
    assert (config.parent / "state" / "categories.table").exists()
    status = json.loads(qalqan("lists", "status", "--json", "--config", config).out)
    assert status["table"]["names"] > 1000
    assert {"id", "category", "licence", "age_hours", "error", "names"} <= set(status["lists"][0])
    found = json.loads(qalqan("lists", "lookup", "www.TikTok.com", "--json", "--config", config).out)
    assert found["services"] == ["tiktok"]
    assert found["matches"] == [{"name": "tiktok.com", "categories": ["social_networks"]}]


@pytest.mark.parametrize(
    ("host", "resolver"),
    [
        ("1.1.1.1", "Cloudflare"),
        ("2606:4700:4700:0::1111", "Cloudflare"),
        ("45.90.28.200", "NextDNS"),
        ("dns.google", "Google Public DNS"),
        ("192.0.2.1", None),
    ],
)
def test_addresses_and_resolvers_are_looked_up(
    qalqan: Qalqan, config: Path, host: str, resolver: str | None
) -> None:
    found = json.loads(qalqan("lists", "lookup", host, "--json", "--config", config).out)
    assert found["resolver"] == resolver
    said = qalqan("lists", "lookup", host, "--config", config).out
    expected = f"proxy_vpn_doh, a resolver of {resolver}" if resolver else "in no category and no service"
    assert expected in said


def test_an_address_of_a_list_is_looked_up(qalqan: Qalqan, config: Path) -> None:
    from gateway.lists.table import TABLE_NAME
    from gateway.policy.names.domain_table import pack_table

    names = {"192.0.2.7": {"tor"}, "192.0.2.0/24": {"games"}, "2001:db8::7": {"malware"}}
    state = config.parent / "state"
    state.mkdir()
    (state / TABLE_NAME).write_bytes(pack_table(names, salt=bytes(16), built="2026-11-24T06:00:00Z"))
    found = json.loads(qalqan("lists", "lookup", "192.0.2.7", "--json", "--config", config).out)
    assert found["matches"] == [
        {"name": "192.0.2.7", "categories": ["tor"]},
        {"name": "192.0.2.0/24", "categories": ["games"]},
    ]
    assert "blocked for everyone" in qalqan("lists", "lookup", "2001:db8:0::7", "--config", config).out


@pytest.mark.parametrize("damage", ["empty", "an empty folder"])
def test_a_damaged_table_is_reported_and_built_again(qalqan: Qalqan, config: Path, damage: str) -> None:
    from gateway.lists.table import TABLE_NAME

    table = config.parent / "state" / TABLE_NAME
    table.parent.mkdir()
    table.write_bytes(b"") if damage == "empty" else table.mkdir()
    done = qalqan("lists", "status", "--config", config)
    assert done.status == 0
    assert done.err.startswith(f"qalqan: {table}: the category table ")
    assert done.out.startswith("No table is built")
    assert qalqan("lists", "build", "--nice", "--config", config).status == 0
    done = qalqan("lists", "status", "--config", config)
    assert (done.status, done.err) == (0, "")


def test_what_binds_everyone_is_shown_as_nothing_else(qalqan: Qalqan, config: Path) -> None:
    from gateway.lists.table import TABLE_NAME
    from gateway.policy.names.domain_table import pack_table

    names = {"sealed.example": {"csam", "adult"}, "virus.example": {"malware"}, "adult.example": {"adult"}}
    state = config.parent / "state"
    state.mkdir()
    packed = pack_table(names, salt=bytes(16), built="2026-11-24T06:00:00Z")
    (state / TABLE_NAME).write_bytes(packed)
    texts = [
        qalqan("lists", "lookup", f"{host}.example", *how, "--config", config).out.replace(host, "HOST")
        for how in ((), ("--json",))
        for host in ("sealed", "virus")
    ]
    assert texts[0] == texts[1]
    assert texts[2] == texts[3]
    assert "blocked for everyone" in texts[0]
    assert not any(word in text for text in texts for word in ("csam", "malware", "adult"))
    assert "adult" in qalqan("lists", "lookup", "adult.example", "--config", config).out
    why = qalqan("why", "sealed.example", "--profile", "son", "--json", "--config", config).out
    other = qalqan("why", "virus.example", "--profile", "son", "--json", "--config", config).out
    assert "csam" not in why
    drop = ("host", "at", "sentence")
    left, right = ({k: v for k, v in json.loads(text).items() if k not in drop} for text in (why, other))
    assert left == right


def test_a_damaged_table_is_one_line(qalqan: Qalqan, config: Path) -> None:
    qalqan("lists", "build", "--config", config)
    table = config.parent / "state" / "categories.table"
    for content in (b"", b"x", table.read_bytes()[:-5]):
        table.write_bytes(content)
        said = qalqan("lists", "lookup", "example.com", "--config", config).refusal
        assert "qalqan lists build" in said


def test_an_unknown_list_is_refused_before_anything_is_fetched(qalqan: Qalqan, config: Path) -> None:
    done = qalqan("lists", "update", "ut1-adlt", "--config", config)
    assert "there is no list 'ut1-adlt'; did you mean 'ut1-adult'?" in done.refusal
    assert not (config.parent / "state").exists()


def test_a_state_directory_that_cannot_be_made_is_one_line(qalqan: Qalqan, config: Path) -> None:
    (config.parent / "state").write_text("a file where a directory belongs")
    assert "state: cannot be written" in qalqan("lists", "build", "--config", config).refusal


def test_a_wrong_key_is_answered_with_the_right_ones(qalqan: Qalqan, config: Path) -> None:
    config.write_text("lan: [lo]\nzzz: 1\n")
    assert qalqan("lists", "status", "--config", config).refusal.startswith(
        f"{config}:2: zzz: is not a known key; use one of: lan, state, "
    )


def test_why_of_an_app_at_a_bare_address(qalqan: Qalqan, config: Path) -> None:
    (config.parent / "profiles" / "teen.yaml").write_text('band: "16-17"\n')
    ask = (
        "why",
        "--profile",
        "teen",
        "--at",
        AFTERNOON,
        "--config",
        config,
        "--to",
        "149.154.167.51:443",
    )
    done = qalqan(*ask)
    assert "Telegram is allowed" in done.out
    assert "The connection was recognised by its address." in done.out
    assert ["service", "Telegram"] in [line.split() for line in done.out.splitlines()]
    answer = json.loads(qalqan(*ask, "--json").out)
    assert (answer["services"], answer["sign"]) == (["Telegram"], "address")
    assert {"rule": "service:telegram", "outcome": "by its address"} in answer["passed"]
