"""Proposals for the catalogue, from small made-up folders in the formats of the two projects."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from pathlib import Path

import pytest
import yaml

from gateway.lists.public_suffixes import public_suffix_check
from tests.catalogue.propose import ListedName, as_yaml, main, nextdns_names, propose, v2fly_names
from tests.policy.homes import product

DAY = date(2026, 11, 29)


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    nextdns, v2fly = tmp_path / "services", tmp_path / "data"
    nextdns.mkdir()
    v2fly.mkdir()
    (nextdns / "tiktok").write_text("# TikTok\ntiktok.com\nnew-tok.example\na.new-tok.example\nnot a name\n")
    (v2fly / "tiktok").write_text(
        "include:more\ninclude:tiktok\nfull:one.tok.example @!cn\nads.tok.example @ads\n"
        "keyword:tok\nregexp:^tok\ndomain:cdn-tok.example  # pictures\nwww.facebook.com\nco.uk\n"
    )
    (v2fly / "more").write_text("more-tok.example\ninclude:tiktok\ninclude:../outside\n")
    (tmp_path / "outside").write_text("outside.example\n")
    return nextdns, v2fly


def entries(found: Iterable[ListedName | str]) -> list[str]:
    return [one.entry if isinstance(one, ListedName) else one for one in found]


def test_both_formats(folders: tuple[Path, Path]) -> None:
    nextdns, v2fly = folders
    assert entries(nextdns_names(nextdns, "tiktok")) == [
        "tiktok.com", "new-tok.example", "a.new-tok.example", "not a name",
    ]  # fmt: skip
    assert entries(v2fly_names(v2fly, "tiktok")) == [
        "more-tok.example", "=one.tok.example", "keyword:tok", "regexp:^tok", "cdn-tok.example",
        "www.facebook.com", "co.uk",
    ]  # fmt: skip
    assert list(nextdns_names(nextdns, "no-such-list")) == []


def test_only_what_is_new_is_proposed(folders: tuple[Path, Path]) -> None:
    nextdns, v2fly = folders
    found = [*nextdns_names(nextdns, "tiktok"), *v2fly_names(v2fly, "tiktok")]
    proposal = propose("tiktok", found, product().catalogue, public_suffix_check())
    assert proposal.new == {
        "new-tok.example": "nextdns/services: tiktok",
        "more-tok.example": "v2fly/domain-list-community: more",
        "=one.tok.example": "v2fly/domain-list-community: tiktok",
        "cdn-tok.example": "v2fly/domain-list-community: tiktok",
    }
    assert proposal.others == {"www.facebook.com": ("facebook",)}
    assert proposal.unusable == ["not a name", "keyword:tok", "regexp:^tok", "co.uk"]


def test_the_yaml_has_a_source_and_a_date(
    folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    nextdns, v2fly = folders
    assert main(["tiktok", "--nextdns", str(nextdns), "--v2fly", str(v2fly), "--date", "2026-11-29"]) == 0
    text = capsys.readouterr().out
    assert set(yaml.safe_load(text)["tiktok"]["domains"]) == {
        "new-tok.example", "more-tok.example", "=one.tok.example", "cdn-tok.example",
    }  # fmt: skip
    assert '- "new-tok.example"  # nextdns/services: tiktok, 2026-11-29' in text
    assert "# www.facebook.com: belongs to facebook" in text


def test_a_service_without_news_and_wrong_arguments(
    folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    nextdns, _ = folders
    (nextdns / "x").write_text("x.com\n")
    assert main(["x", "--nextdns", str(nextdns)]) == 0
    assert yaml.safe_load(capsys.readouterr().out) == {"x": {"domains": []}}
    for wrong in (["no-such-service", "--nextdns", str(nextdns)], ["x"]):
        with pytest.raises(SystemExit):
            main(wrong)


def test_an_empty_proposal_is_yaml() -> None:
    proposal = propose("x", [], product().catalogue, public_suffix_check())
    assert as_yaml("x", proposal, DAY) == "x:\n  domains: []\n"
