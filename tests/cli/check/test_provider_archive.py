"""`check --archive`: what a provider's server sends may not touch what belongs to the family."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path

import pytest
from netjsonconfig import OpenWrt

from gateway.check import provider_archive
from gateway.check.provider_archive import AGENT, HOOKS, MAX_FILES
from gateway.household import loading
from gateway.household.config_file import VARIABLE
from gateway.household.router_settings import SECTIONS, settable_by_server
from gateway.policy.profile.household import Household
from tests.cli.conftest import Qalqan
from tests.policy.homes import product

TEMPLATES = Path(__file__).parents[3] / "openwrt" / "openwisp"
OWN = "etc/config/qalqan"
# A value other than the default of each option that a server may set.
SETTABLE = {
    "web.port": "8888",
    "brand.name": "Alma Net",
    "brand.colour": "#7a1f5b",
    "brand.logo": "/etc/qalqan/logo.svg",
    "brand.support": "https://isp.example/help",
    "feed.url": "https://feed.isp.example/qalqan/",
    "feed.mirror": "https://mirror.isp.example/qalqan/",
    "feed.root": "/etc/isp/root.json",
    "feed.provider": "alma-net",
    "provider.rollout": "1",
    "provider.stop_until": "2026-12-01T21:00+05:00",
    "metrics.token_sha256": "0" * 64,
    "metrics.textfile": "1",
    "defaults.country": "ru",
    "defaults.timezone": "Asia/Aqtau",
    "defaults.language": "kk",
    "defaults.unknown_devices": "home",
    "defaults.lists_update": "off",
    "defaults.lists_tier": "small",
    "defaults.propose_list": "adult",
    "defaults.propose_band": "6-9",
}
KNOWN = [f"{section}.{option}" for section, options in SECTIONS.items() for option in options]
FAMILY = [name for name in KNOWN if name not in SETTABLE]
NO_FIELD = ("defaults.", "provider.rollout")  # of the first boot; read by an init script
# What of the settings a server may change. No field of the rules, devices or filter is among them.
PROVIDER_FIELDS = {"web", "brand", "feed", "metrics", "stop_until", "fixed"}


def packed(path: Path, files: Mapping[str, str], link: str = "") -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
        if link:
            member = tarfile.TarInfo(link)
            member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
            archive.addfile(member)
    return path


def uci(name: str, value: str = "1") -> str:
    section, _, option = name.partition(".")
    return f"config {section} '{section}'\n\toption {option} '{value}'\n"


def settable(name: str) -> str:
    """Return the option with the address that a feed needs."""
    address = uci("feed.url", SETTABLE["feed.url"]) if name.startswith("feed") else ""
    return address + uci(name, SETTABLE[name])


def refusals(qalqan: Qalqan, archive: Path, config: Path) -> list[str]:
    done = qalqan("check", "--archive", archive, "--config", config)
    assert done.err == ""
    assert done.status == (0 if done.out == f"{archive}: sets only what is the provider's\n" else 1)
    return done.out.splitlines() if done.status else []


def home(config: Path) -> Household:
    return loading.load(config, product())


def test_every_option_that_a_server_may_set_is_tested_here() -> None:
    assert {name for name in KNOWN if settable_by_server(*name.split("."))} == SETTABLE.keys()


@pytest.mark.parametrize("name", SETTABLE)
def test_no_option_of_a_server_changes_the_family(
    name: str, config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "uci"
    monkeypatch.setenv(VARIABLE, str(path))
    paths = "".join(f"\toption {key} '{tmp_path / key}'\n" for key in ("state", "runtime", "profiles"))
    path.write_text(f"config paths 'paths'\n{paths}")
    before = home(config)
    path.write_text(f"{path.read_text()}\n{settable(name)}")
    after = home(config)
    for field in fields(before):
        if field.name != "config":
            assert getattr(before, field.name) == getattr(after, field.name), field.name
    changed = {
        field.name
        for field in fields(before.config)
        if getattr(before.config, field.name) != getattr(after.config, field.name)
    }
    assert changed <= (set() if name.startswith(NO_FIELD) else PROVIDER_FIELDS)
    assert bool(changed) != name.startswith(NO_FIELD)


@pytest.mark.parametrize("name", SETTABLE)
def test_a_server_sets_its_own_options(name: str, qalqan: Qalqan, config: Path, tmp_path: Path) -> None:
    text = uci(name, SETTABLE[name]) + (
        "" if not name.startswith("feed") else uci("feed.url", SETTABLE["feed.url"])
    )
    assert refusals(qalqan, packed(tmp_path / "a.tar.gz", {OWN: text}), config) == []


@pytest.mark.parametrize("name", FAMILY)
def test_a_server_sets_nothing_else(name: str, qalqan: Qalqan, config: Path, tmp_path: Path) -> None:
    found = refusals(qalqan, packed(tmp_path / "a.tar.gz", {OWN: uci(name)}), config)
    assert found == [f"qalqan.{name}: belongs to the family; remove it from the template"]


@pytest.mark.parametrize(
    ("place", "text", "line"),
    [
        (OWN, uci("limits.play", "3h"), "/etc/config/qalqan:1: limits: is no section of ours; "),
        (OWN, uci("brand.colr", "#000000"), "/etc/config/qalqan:2: brand.colr: is no option of ours; "),
        (OWN, uci("brand.colour", "purple"), "/etc/config/qalqan:2: brand.colour: 'purple' is no colour; "),
        (OWN, uci("web.port", "http"), "/etc/config/qalqan:2: web.port: "),
        (OWN, "option of no section\n", "/etc/config/qalqan:1: "),
        (
            "etc/qalqan/profiles/kid.yaml",
            "band: adult\n",
            "/etc/qalqan/profiles/kid.yaml: belongs to the family",
        ),
        ("./etc/../etc/qalqan/qalqan.yaml", "", "/etc/qalqan/qalqan.yaml: belongs to the family"),
        ("etc/init.d/qalqan", "#!/bin/sh\n", "/etc/init.d/qalqan: names qalqan"),
        ("tmp/.uci/qalqan", "qalqan.paths.profiles='/tmp/isp'\n", "/tmp/.uci/qalqan: names qalqan"),
        ("etc/config/openwisp", uci("http.test_config", "0"), "openwisp.http.test_config: must stay '1'"),
        ("etc/config/openwisp", uci("http.merge_config", "0"), "openwisp.http.merge_config: must stay '1'"),
        (
            "etc/config/system",
            uci("system.log_ip", "10.0.0.1"),
            "system.system.log_ip: sends the log away",
        ),
    ],
)
def test_one_line_says_what_is_refused(
    place: str, text: str, line: str, qalqan: Qalqan, config: Path, tmp_path: Path
) -> None:
    (found,) = refusals(qalqan, packed(tmp_path / "a.tar.gz", {place: text}), config)
    assert found.startswith(line)


@pytest.mark.parametrize("name", ["", " 'daughter'"])
@pytest.mark.parametrize("kind", ["child", "profile", "device", "rule", "limit", "schedule", "guardian", "x"])
def test_uci_has_no_section_for_rules(
    kind: str, name: str, qalqan: Qalqan, config: Path, tmp_path: Path
) -> None:
    text = f"config {kind}{name}\n\toption band 'adult'\n"
    (found,) = refusals(qalqan, packed(tmp_path / "a.tar.gz", {OWN: text}), config)
    assert ("is no section of ours" if name else "has no name") in found


@pytest.mark.parametrize(
    "text", ["qalqan off\n", "rm /etc/qalqan/profiles/*\n", "nc -U /var/run/qalqan/control.sock\n"]
)
@pytest.mark.parametrize(
    "place",
    [
        "etc/rc.local",
        "etc/crontabs/root",
        "etc/uci-defaults/99-isp",
        "etc/init.d/isp",
        "etc/hotplug.d/iface/99-isp",
        "etc/hotplug.d/openwisp/00-isp",
        "etc/openwisp/post-reload-hook",
        "etc/profile.d/isp.sh",
        "etc/rc.button/reset",
        "lib/upgrade/isp.sh",
        "usr/sbin/isp",
    ],
)
def test_no_script_names_qalqan(place: str, text: str, qalqan: Qalqan, config: Path, tmp_path: Path) -> None:
    (found,) = refusals(qalqan, packed(tmp_path / "a.tar.gz", {place: text}), config)
    assert found == f"/{place}: names qalqan; set its options in /etc/config/qalqan"


@pytest.mark.parametrize(
    ("package", "option", "value"),
    [
        ("fstab", "rules.target", "/etc/qalqan/profiles"),
        ("uhttpd", "isp.home", "/etc/qalqan"),
        ("openwisp", "http.post_reload_hook", "/usr/bin/qalqan"),
        ("firewall", "isp.path", "/usr/lib/qalqan/firewall-offload"),
        ("system", "reset.handler", "qalqan off"),
        ("rpcd", "isp.read", "luci qalqan"),
    ],
)
def test_no_other_package_names_qalqan(
    package: str, option: str, value: str, qalqan: Qalqan, config: Path, tmp_path: Path
) -> None:
    archive = packed(tmp_path / "a.tar.gz", {f"etc/config/{package}": uci(option, value)})
    (found,) = refusals(qalqan, archive, config)
    assert found == f"{package}.{option}: names qalqan; set its options in /etc/config/qalqan"


@pytest.mark.parametrize(
    "place",
    [
        "/etc/qalqan/profiles/daughter.yaml",
        "/etc/qalqan/profiles/feed-root.json",
        "/etc/qalqan/qalqan.yaml",
        "/etc/qalqan/state/label",
        "/usr/lib/qalqan/gateway/root.json",
        "/etc/rc.local",
    ],
)
def test_a_rule_is_no_root_of_the_feed(place: str, qalqan: Qalqan, config: Path, tmp_path: Path) -> None:
    text = uci("feed.url", SETTABLE["feed.url"]) + uci("feed.root", place)
    (found,) = refusals(qalqan, packed(tmp_path / "a.tar.gz", {OWN: text, place[1:]: "qalqan off\n"}), config)
    assert found.startswith(f"{place}: ")


def test_a_link_of_the_gateway_hides_no_folder(qalqan: Qalqan, config: Path, tmp_path: Path) -> None:
    (tmp_path / "disk").symlink_to(tmp_path)
    place = f"{tmp_path}/disk/profiles/daughter.yaml"
    (found,) = refusals(qalqan, packed(tmp_path / "a.tar.gz", {place: "band: adult\n"}), config)
    assert found == f"{place}: belongs to the family; remove it from the template"


def test_folders_on_a_disk_belong_to_the_family_too(qalqan: Qalqan, config: Path, tmp_path: Path) -> None:
    place = f"{tmp_path}/profiles/daughter.yaml"
    (found,) = refusals(qalqan, packed(tmp_path / "a.tar.gz", {place: "band: adult\n"}), config)
    assert found == f"{place}: belongs to the family; remove it from the template"


@pytest.mark.parametrize("rules", ["", "band: of-tiktok\n"], ids=["good", "broken"])
def test_no_line_has_anything_of_the_family(rules: str, qalqan: Qalqan, config: Path, tmp_path: Path) -> None:
    """OpenWISP's agent sends the lines to the server."""
    if rules:
        (config.parent / "profiles" / "daughter.yaml").write_text(f"name: Aruzhan\n{rules}")
        config.write_text(f"{config.read_text()}daughter: 02:00:00:00:00:0a\n")
    files = {
        OWN: uci("main.lan", "br-lan") + uci("brand.colour", "purple"),
        "etc/qalqan/profiles/son.yaml": "band: adult\n",
        "etc/rc.local": "qalqan off\n",
        "etc/config/system": uci("system.log_ip", "10.0.0.1"),
    }
    lines = "\n".join(refusals(qalqan, packed(tmp_path / "a.tar.gz", files, "etc/isp"), config))
    assert lines.count("\n") >= 4
    assert not [marker for marker in ("Aruzhan", "daughter", "02:00:00", "tiktok") if marker in lines]


def test_a_link_is_refused(qalqan: Qalqan, config: Path, tmp_path: Path) -> None:
    (found,) = refusals(qalqan, packed(tmp_path / "a.tar.gz", {}, "etc/isp"), config)
    assert found == "/etc/isp: is not a regular file; send none"


def test_logo_root_keys_and_other_settings_pass(qalqan: Qalqan, config: Path, tmp_path: Path) -> None:
    hooks = "".join(f"\toption {name} '{value}'\n" for name, value in AGENT.items())
    files = {
        OWN: uci("brand.logo", "/etc/qalqan/logo.svg") + uci("feed.url", SETTABLE["feed.url"]),
        "etc/qalqan/logo.svg": "<svg/>",
        "etc/qalqan/feed-root.json": "{}",
        "etc/config/openwisp": f"config controller 'http'\n{hooks}\toption url 'https://qalqan.isp.example'\n",
        "etc/config/system": uci("system.hostname", "qalqan"),
        "etc/crontabs/root": "17 3 * * * /usr/libexec/isp\n",
    }
    assert refusals(qalqan, packed(tmp_path / "a.tar.gz", files), config) == []


@pytest.mark.parametrize(
    ("options", "missing"),
    [
        ({}, "pre_reload_hook and test_script"),
        ({"pre_reload_hook": AGENT["pre_reload_hook"]}, "test_script"),
        ({**AGENT, "pre_reload_hook": "/usr/sbin/own"}, "pre_reload_hook"),
        (AGENT, ""),
    ],
)
def test_an_agent_without_the_hooks_is_a_warning(
    options: Mapping[str, str],
    missing: str,
    qalqan: Qalqan,
    config: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = tmp_path / "openwisp"
    monkeypatch.setattr(provider_archive, "AGENT_SETTINGS", settings)
    lines = "".join(f"\toption {name} '{value}'\n" for name, value in options.items())
    settings.write_text(f"config controller 'http'\n\toption url 'https://fleet.example'\n{lines}")
    found = [line for line in qalqan("check", "--config", config).out.splitlines() if " openwisp: " in line]
    fix = "; ".join(f"uci set openwisp.http.{hook}={AGENT[hook]}" for hook in HOOKS)
    warning = (
        f"warning openwisp: {settings}: without {missing}, a server can change what is the family's: "
        f"{fix}; uci commit openwisp"
    )
    assert found == [warning if missing else "ok openwisp: a configuration from the server is checked"]
    settings.unlink()
    assert " openwisp: " not in qalqan("check", "--config", config).out


def test_a_damaged_archive_is_an_error(qalqan: Qalqan, config: Path, tmp_path: Path) -> None:
    (tmp_path / "a.tar.gz").write_bytes(b"no archive")
    assert "cannot be read" in qalqan("check", "--archive", tmp_path / "a.tar.gz", "--config", config).refusal
    many = packed(tmp_path / "b.tar.gz", {f"etc/{number}": "" for number in range(MAX_FILES + 1)})
    assert "is too large" in qalqan("check", "--archive", many, "--config", config).refusal


@pytest.mark.parametrize("path", sorted(TEMPLATES.glob("*.json")), ids=lambda path: path.stem)
def test_our_templates_pass(path: Path, qalqan: Qalqan, config: Path, tmp_path: Path) -> None:
    template = json.loads(path.read_text())
    backend = OpenWrt(template["config"], context=template["default_values"])
    (tmp_path / "a.tar.gz").write_bytes(backend.generate().getvalue())
    assert refusals(qalqan, tmp_path / "a.tar.gz", config) == []
