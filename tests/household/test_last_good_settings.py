"""Broken settings at a start and a reload: the last good ones apply, and the pages' never stop the filter."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.core.errors import PolicyError
from gateway.core.turns import finish
from gateway.household.config_file import LAST_GOOD, VARIABLE, config_in_use, first_boot, good_copy
from gateway.household.rule_book import RuleBook
from tests.household.household_files import DAUGHTER, SON, write

BROKEN = "lan: [\n"


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A household whose files were all good at the last start."""
    monkeypatch.setenv(VARIABLE, "")
    path = write(tmp_path, {"daughter": DAUGHTER, "son": SON})
    path.write_text(f"{path.read_text()}language: ru\n")
    RuleBook(path).keep_good()
    return path


def in_use(path: Path) -> tuple[str, tuple[str, ...]]:
    read = config_in_use(path, lambda _: False)
    return read.language, read.problems


@pytest.mark.parametrize(
    "broken", [BROKEN, "", "lan: 7\n", "lann: [eth0]\n", "services: 7\n", "\0\0\0", None]
)
def test_a_start_with_broken_settings_has_the_last_good_ones(config: Path, broken: str | None) -> None:
    if broken is None:
        config.unlink()
    else:
        config.write_text(broken)
    rules = RuleBook(config)
    assert set(rules.household.profiles) == {"daughter", "son"}
    assert rules.household.config.language == "ru"
    (problem,) = rules.problems()
    assert problem.startswith(str(config))
    assert problem.endswith(LAST_GOOD)
    rules.keep_good()
    assert RuleBook(config).household.config.language == "ru", "the broken file did not become the good one"


def test_a_reload_with_broken_settings_shows_the_problem_and_reads_the_other_files(config: Path) -> None:
    rules = RuleBook(config)
    good = config.read_text()
    config.write_text(BROKEN)
    daughter = config.parent / "profiles" / "daughter.yaml"
    daughter.write_text(daughter.read_text().replace("10-12", "6-9"))
    rules.reload()
    assert [line.endswith(LAST_GOOD) for line in rules.problems()] == [True]
    assert rules.household.profiles["daughter"].band.value == "6-9"
    assert rules.household.config.language == "ru"
    config.write_text(good)
    rules.reload()
    assert not rules.problems()


def test_a_broken_file_is_a_problem_before_it_is_read(config: Path) -> None:
    rules = RuleBook(config)
    good = config.read_text()
    config.write_text(BROKEN)
    assert [line.endswith(LAST_GOOD) for line in rules.problems()] == [True]
    son = config.parent / "profiles" / "son.yaml"
    sons = son.read_text()
    son.write_text("band: 99\n")
    first, second = sorted(rules.problems())
    assert first.startswith(f"{son}:1: band: ")
    assert first.endswith("The file was changed but not read yet; the previous version applies.")
    assert second.startswith(f"{config}:")
    config.write_text(f"{good}dns_refusal: zero\n")
    assert rules.problems() == [first], "a valid file that was not read yet is no problem"
    son.write_text(sons)
    assert rules.problems() == []
    config.unlink()
    assert ["does not exist" in line for line in rules.problems()] == [True]
    rules.reload()
    assert [line.endswith(LAST_GOOD) for line in rules.problems()] == [True]


def test_rules_can_be_edited_while_the_settings_are_broken(config: Path) -> None:
    rules = RuleBook(config)
    config.write_text(BROKEN)
    son = config.parent / "profiles" / "son.yaml"
    new = son.read_bytes() + b"block: [blocked.example]\n"
    rules.adopt(rules.with_files({son: new}))
    assert "blocked.example" in map(str, rules.household.profiles["son"].rules.block)
    assert [line.endswith(LAST_GOOD) for line in rules.problems()] == [True]
    with pytest.raises(PolicyError, match=r"qalqan\.yaml"):
        rules.with_files({config: b"lan: [\n"})


def test_an_empty_content_is_checked_in_place_of_the_file(config: Path) -> None:
    rules = RuleBook(config)
    son = config.parent / "profiles" / "son.yaml"
    assert set(rules.with_files({son: b""}).problems) == {"son.yaml"}
    with pytest.raises(PolicyError, match=r"qalqan\.yaml"):
        rules.with_files({config: b""})


def test_without_good_settings_it_is_an_error(config: Path) -> None:
    good_copy(config, config).unlink()
    config.write_text(BROKEN)
    with pytest.raises(PolicyError, match=r"qalqan\.yaml:\d: is not YAML"):
        RuleBook(config)


def test_a_damaged_copy_is_not_used(config: Path) -> None:
    good_copy(config, config).write_text(BROKEN)
    config.write_text(BROKEN)
    with pytest.raises(PolicyError, match=r"/qalqan\.yaml:\d: is not YAML"):
        RuleBook(config)


def test_the_copy_has_the_mode_of_the_settings_and_is_written_once(config: Path) -> None:
    copy = good_copy(config, config)
    assert copy.read_bytes() == config.read_bytes()
    assert copy.stat().st_mode == config.stat().st_mode, "the pages read it as a user of their own"
    os.utime(copy, (1, 1))
    RuleBook(config).keep_good()
    assert copy.stat().st_mtime == 1
    config.chmod(0o640)
    RuleBook(config).keep_good()
    assert copy.stat().st_mode & 0o777 == 0o640


def test_a_file_that_changes_after_the_check_does_not_become_the_good_one(config: Path) -> None:
    rules = RuleBook(config)
    copy, checked = good_copy(config, config), f"{config.read_text()}dns_refusal: zero\n"
    config.write_text(checked)
    rules.reload(keep=False)
    steps = rules.keep_good_steps()
    config.write_text(BROKEN)  # by hand, between two turns of the event loop
    finish(steps)
    assert copy.read_text() == checked
    rules.keep_good()
    assert copy.read_text() == checked, "the changed file was not read yet"


INVALID = [
    "web: {port: 99999}\n",
    "web: 7\n",
    "web: {port: 80, https: {name: home.example.net}}\n",
    "brand: 7\n",
    "propose: {lists: 7}\n",
    "age_trust: {file: x}\n",
    "language: xx\n",
    "languages: [ru, xx]\n",
    "feed: 7\n",
    "feed: {url: ftp://feed.example}\n",
    "usp: {vendor: 7}\n",
    "backup: {folder: usb}\n",
    "backup: {folder: /mnt/usb, keep: all}\n",
    "metrics: {token_sha256: secret}\n",
    "mqtt: {address: 192.168.1.5}\n",
    "provider: {stop_until: tomorrow}\n",
]


@pytest.mark.parametrize("text", INVALID)
def test_invalid_settings_of_the_pages_never_stop_the_filter(config: Path, text: str) -> None:
    good_copy(config, config).unlink()  # as at a first start
    language = "ru"
    if text.startswith("language:"):  # a key is there once
        config.write_text(config.read_text().replace("language: ru\n", ""))
        language = ""
    valid = RuleBook(config).household.config
    config.write_text(config.read_text() + text)
    rules = RuleBook(config)
    (problem,) = rules.problems()
    assert problem.startswith(f"{config}:")
    assert f": {text.partition(':')[0]}" in problem
    assert problem.endswith("Until then its default applies.")
    assert set(rules.household.profiles) == {"daughter", "son"}
    assert in_use(config) == (language, (problem,))
    assert replace(rules.household.config, problems=()) == valid, "only this part is off"
    rules.keep_good()
    assert good_copy(config, config).read_bytes() == config.read_bytes()
    assert rules.household.config.web.port == 8080


@pytest.mark.parametrize("text", INVALID)
def test_a_reload_with_invalid_settings_of_the_pages_uses_the_other_files(config: Path, text: str) -> None:
    rules = RuleBook(config)
    good = config.read_text()
    config.write_text(
        good.replace("language: ru\n", "" if text.startswith("language:") else "language: kk\n")
    )
    config.write_text(config.read_text() + text)
    son = config.parent / "profiles" / "son.yaml"
    son.write_text(f"{son.read_text()}block: [blocked.example]\n")
    rules.reload()
    (problem,) = rules.problems()
    assert problem.startswith(f"{config}:")
    assert f": {text.partition(':')[0]}" in problem
    assert rules.household.config.language == ("" if text.startswith("language:") else "kk")
    assert "blocked.example" in map(str, rules.household.profiles["son"].rules.block)
    config.write_text(good)
    rules.reload()
    assert rules.problems() == []


@pytest.fixture
def router(config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The router's settings in UCI, which were good at the last start."""
    uci = tmp_path / "uci"
    monkeypatch.setenv(VARIABLE, str(uci))
    uci.write_text("config qalqan main\n\tlist lan 'br-home'\nconfig qalqan web\n\toption port '8081'\n")
    RuleBook(config).keep_good()
    return uci


LOST = [
    ("config qalqan main\n\tlist lan 'br-home\n", ":2: opens a quote that nothing closes"),
    ("", ": is empty; write its settings again"),
    (None, ": was removed; write its settings again, or delete "),
]


def lose(router: Path, text: str | None) -> None:
    if text is None:
        router.unlink()
    else:
        router.write_text(text)


@pytest.mark.parametrize(("text", "says"), LOST)
def test_a_start_with_broken_settings_of_the_router_has_the_last_good_ones(
    config: Path, router: Path, text: str | None, says: str
) -> None:
    lose(router, text)
    assert not first_boot(config)
    rules = RuleBook(config)
    assert rules.household.config.lan == ("br-home",)
    assert rules.household.config.web.port == 8081
    (problem,) = rules.problems()
    assert problem.startswith(f"{router}{says}")
    assert problem.endswith(LAST_GOOD)
    rules.keep_good()
    assert RuleBook(config).household.config.lan == ("br-home",), "the good copy stays"


@pytest.mark.parametrize(("text", "says"), LOST)
def test_a_reload_with_broken_settings_of_the_router_keeps_the_last_good_ones(
    config: Path, router: Path, text: str | None, says: str
) -> None:
    rules = RuleBook(config)
    good = router.read_text()
    lose(router, text)
    (problem,) = rules.problems()
    assert problem.startswith(f"{router}{says}"), "before it is read, too"
    rules.reload()
    assert rules.household.config.lan == ("br-home",)
    assert rules.problems() == [problem]
    with pytest.raises(PolicyError) as refused:
        rules.with_files({config: config.read_bytes()})
    assert str(refused.value).startswith(f"{router}{says}"), "an edit would lose the router's options"
    router.write_text(good)
    rules.reload()
    assert rules.problems() == []


def test_a_router_whose_settings_were_removed_does_without_them_on_request(
    config: Path, router: Path
) -> None:
    router.unlink()
    good_copy(config, router).unlink()
    rules = RuleBook(config)
    assert (rules.household.config.lan, rules.problems()) == (("lo",), [])


def test_the_last_good_settings_of_the_router_may_be_an_empty_file(config: Path, router: Path) -> None:
    router.write_text("")
    good_copy(config, router).unlink()
    RuleBook(config).keep_good()
    router.write_text("config qalqan main\n\tlist lan 'br-home\n")
    (problem,) = RuleBook(config).problems()
    assert problem.startswith(f"{router}:2: opens a quote that nothing closes")
    assert problem.endswith(LAST_GOOD)


@pytest.mark.parametrize("option", ["option prot '81'", "option enabled 'perhaps'", "option port 'x'"])
def test_the_pages_section_of_the_router_never_stops_the_filter(
    config: Path, router: Path, option: str
) -> None:
    router.write_text(f"config qalqan main\n\tlist lan 'br-new'\nconfig qalqan web\n\t{option}\n")
    rules = RuleBook(config)
    assert rules.household.config.lan == ("br-new",), "the rest of the file applies"
    (problem,) = rules.problems()
    assert problem.startswith(f"{router}:4: web.")


@pytest.mark.parametrize(
    ("section", "wrong"),
    [
        ("web", "option port '99999'"),
        ("feed", "option url 'ftp://feed.example'"),
        ("brand", "list name 'Alma Net'"),
        ("provider", "option stop_until 'tomorrow'"),
        ("usp", "option vendor '7'"),
        ("backup", "option folder 'usb'"),
        ("metrics", "option token_sha256 'secret'"),
    ],
)
def test_a_reload_ignores_a_wrong_section_that_the_filter_does_without(
    config: Path, router: Path, section: str, wrong: str
) -> None:
    rules = RuleBook(config)
    router.write_text(f"config qalqan main\n\tlist lan 'br-new'\nconfig {section} {section}\n\t{wrong}\n")
    rules.reload()
    assert rules.household.config.lan == ("br-new",), "the rest of the file applies"
    (problem,) = rules.problems()
    assert problem.startswith(f"{router}:4: {section}.")
    assert problem.endswith(f". Until then the section '{section}' is ignored.")
