"""A provider's brand on the pages: name, accent, logo, whom to ask; what a browser may do with its files."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask

from gateway.cli.commands.web import settings_dict, settings_of
from gateway.control.contract.rules import help_line_entry
from gateway.control.schema import values_of
from gateway.household.loading import load_countries
from gateway.policy.config.brand import MAX_NAME
from gateway.policy.config.brand import Brand as Said
from gateway.policy.config.config import Config, ProviderProposal
from gateway.policy.names.countries import lines_for
from gateway.web.branding import MOST_BYTES, read_logo, style_of
from tests.browser.every import CHILDS, PARENTS
from tests.control.running import Running
from tests.web.branding.logos import SVG, png
from tests.webui.conftest import Browser, browser_on
from tests.webui.standin.household import Household
from webui import create_app
from webui.brand import PageBrand

MOST = 80_000  # bytes of a first visit
REFUSED = 20 * 1024
LONG = "Қазақтелеком Отбасылық Шлюзі Алматы Қалас"[:MAX_NAME]


def said(tmp_path: Path) -> Said:
    logo = tmp_path / "logo.svg"
    logo.write_bytes(SVG + b"<!-- " + b"x" * (MOST_BYTES - len(SVG) - 9) + b" -->")
    return Said(LONG, "#7a1f5b", str(logo), "https://isp.example/a-long-address-of-a-page-that-helps")


def app_with(tmp_path: Path, brand: Said) -> Flask:
    config = Config(runtime=str(tmp_path), state=str(tmp_path / "state"), brand=brand)
    settings = settings_of(settings_dict(config))
    return create_app(replace(settings, control=tmp_path / "control.sock", state=None))


@pytest.fixture
def branded(tmp_path: Path, daemon: Running, household: Household) -> Flask:
    return app_with(tmp_path, said(tmp_path))


def test_ours_is_without_any_of_it(tablet: Browser) -> None:
    page = tablet.get("/my").text
    assert "/brand/" not in page
    assert "Qalqan" in page
    for path in ("/brand/style.css", "/brand/dark.css", "/brand/logo"):
        assert tablet.get(path).status_code == 404


def test_name_accent_and_logo_are_on_the_pages(branded: Flask) -> None:
    tablet = browser_on(branded, "192.168.1.20")
    page = tablet.get("/my").text
    assert LONG in page
    assert "Qalqan" not in re.sub(r"[\w-]*qalqan[\w-]*", "", page)
    (style,) = re.findall(r'<link rel="stylesheet" href="(/brand/style.css\?v=[0-9a-f]+)">', page)
    (logo,) = re.findall(r'<img class="logo" src="(/brand/logo\?v=[0-9a-f]+)" alt="">', page)
    answer = tablet.get(style)
    assert answer.mimetype == "text/css"
    assert "--green:#7a1f5b" in answer.text
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert tablet.get(logo).data.startswith(SVG)


def test_a_logo_that_is_opened_on_its_own_can_do_nothing(branded: Flask) -> None:
    answer = browser_on(branded, "192.168.1.20").get("/brand/logo")
    assert (
        answer.headers["Content-Security-Policy"] == "default-src 'none'; style-src 'unsafe-inline'; sandbox"
    )
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert answer.mimetype == "image/svg+xml"


def test_a_png_is_one(tmp_path: Path, daemon: Running) -> None:
    logo = tmp_path / "logo.png"
    logo.write_bytes(png())
    answer = browser_on(app_with(tmp_path, Said(logo=str(logo))), "192.168.1.20").get("/brand/logo")
    assert (answer.mimetype, answer.data) == ("image/png", png())


@pytest.mark.parametrize("language", ["en", "kk", "ru"])
def test_the_refused_page_stays_light(
    branded: Flask, household: Household, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    """Of a site that can be asked for, with the help lines of each country: the longest that there is."""
    household.refusals[2].update(askable=True, reason="category", rule="social_networks")
    for country in ("gb", "kz"):  # the most lines, and the longest
        told = [values_of(help_line_entry(line)) for line in lines_for(load_countries(), country)]
        monkeypatch.setattr("tests.webui.standin.refusing.HELP", told)
        for ip in ("192.168.1.20", "192.168.1.22", "192.168.1.30"):
            for host in ("www.tiktok.com", "www.instagram.com"):
                browser, path = browser_on(branded, ip), f"/refused?host={host}"
                page = browser.get(path, Accept_Language=language).text
                assert LONG in page
                assert "/brand/style.css" in page
                assert "/brand/logo" not in page
                assert weight(browser, path, language) <= REFUSED, (country, ip, host)


def signed_in(app: Flask, household: Household) -> Browser:
    mum = browser_on(app, "192.168.1.7")
    assert mum.post("/signin", {"code": household.guardians.link("Mum")}).status_code == 303
    return mum


def weight(browser: Browser, path: str, language: str) -> int:
    page = browser.get(path, Accept_Language=language)
    parts = set(re.findall(r'(?:href|src)="(/(?:static|brand)/[^"]+)"', page.text))
    found = len(page.data)
    for one in parts:
        with browser.get(one) as part:
            found += len(part.data)
    return found


@pytest.mark.parametrize("language", ["en", "kk", "ru"])
def test_no_page_is_heavier_than_80_kb_with_the_largest_logo(
    branded: Flask, household: Household, language: str
) -> None:
    """The longest of a child's, those of a parent that are more than 60 kB without."""
    mum = signed_in(branded, household)
    paths = {path for path, _ in PARENTS.values() if re.search(r"/child/\w+/(kinds/)?$|/update/$", path)}
    assert len(paths) >= 3
    weights = {path: weight(mum, path, language) for path in paths}
    weights |= {"/my": weight(browser_on(branded, "192.168.1.20"), "/my", language)}
    assert {path: one for path, one in weights.items() if one > MOST} == {}
    assert "/my" in {path for path, _ in CHILDS.values()}


def test_whom_to_ask_is_where_something_is_wrong(
    branded: Flask, household: Household, tmp_path: Path
) -> None:
    mum = signed_in(branded, household)
    link = (
        '<a class="link" href="https://isp.example/a-long-address-of-a-page-that-helps" rel="noreferrer">'
        "https://isp.example/a-long-address-of-a-page-that-helps</a>"
    )
    for path in ("/parent/more", "/parent/health/"):
        assert link in mum.get(path).text, path
    nobody = tmp_path / "nobody"
    nobody.mkdir()
    stopped = browser_on(app_with(nobody, said(nobody)), "192.168.1.20").get("/my")
    assert stopped.status_code == 503
    assert link in stopped.text


def test_a_name_is_text(tmp_path: Path, daemon: Running) -> None:
    page = browser_on(app_with(tmp_path, Said(name="<b>A&B</b>")), "192.168.1.20").get("/my").text
    assert "&lt;b&gt;A&amp;B&lt;/b&gt;" in page
    assert "<b>A&B" not in page


@pytest.mark.parametrize("how", ["gone", "another"])
def test_a_logo_that_is_another_one_by_now_is_not_shown(tmp_path: Path, daemon: Running, how: str) -> None:
    brand = said(tmp_path)
    used = settings_of(settings_dict(Config(runtime=str(tmp_path), brand=brand)))
    Path(brand.logo).write_bytes(b"<svg><script>alert(1)</script></svg>")
    if how == "gone":
        Path(brand.logo).unlink()
    tablet = browser_on(
        create_app(replace(used, control=tmp_path / "control.sock", state=None)), "192.168.1.20"
    )
    assert "/brand/logo" not in tablet.get("/my").text
    assert tablet.get("/brand/logo").status_code == 404


def test_a_logo_that_is_none_is_left_out_with_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    logo = tmp_path / "logo.svg"
    logo.write_bytes(b'<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>')
    used = settings_of(settings_dict(Config(brand=Said(name="Alma", logo=str(logo)))))
    assert used.brand.logo is None
    assert capsys.readouterr().err == (
        f"qalqan: {logo}: has something that is no shape: <script>;"
        " save it as plain SVG with shapes, gradients and text only; it is left out\n"
    )


def test_the_pages_are_told_all_of_it(tmp_path: Path) -> None:
    brand = said(tmp_path)
    used = settings_of(settings_dict(Config(brand=brand, propose=ProviderProposal(("adult",), ("6-9",)))))
    logo, style = read_logo(brand.logo), style_of(brand, logo=True)
    assert used.brand == PageBrand(
        LONG, style.style, style.dark, used.brand.logo, brand.support, brand.support_link
    )
    assert used.brand.logo is not None
    assert (used.brand.logo.stamp, used.brand.logo.type) == (logo.stamp, "image/svg+xml")
    assert (used.propose.lists, used.propose.bands) == (("adult",), ("6-9",))
