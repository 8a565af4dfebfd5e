from __future__ import annotations

import pytest

from gateway.age.bands import AgeBand
from gateway.core.errors import PolicyError
from gateway.lists.public_suffixes import public_suffix_check
from gateway.policy.names.packs import parse_ech_names, parse_engines, parse_needs, parse_sites, site_map

CHECK = public_suffix_check()

SITES = """
language: en
sites:
  - {id: abc, name: ABC, bands: [0-5, 6-9], domains: [abc.example], companions: [cdn.example]}
  - {id: big, name: Big, bands: [6-9], domains: [big.example], companions: []}
  - {id: tiny, name: Tiny, bands: ["0-5"], domains: [tiny.example], companions: [cdn.example]}
"""


def test_needs_by_name_the_first_pack_counts() -> None:
    text = """
packs:
  - {id: a, name: A, probes: [p.example], updates: [u.example]}
  - {id: b, name: B, push: [u.example]}
"""
    assert parse_needs(text, "f", CHECK) == {"p.example": "probes", "u.example": "updates"}


@pytest.mark.parametrize(
    ("band", "names"),
    [
        ("0-5", {"abc.example", "cdn.example", "tiny.example"}),
        ("6-9", {"abc.example", "cdn.example", "big.example"}),
        ("10-12", {"abc.example", "cdn.example", "big.example"}),  # what is for 6-9 is for older ones too
    ],
)
def test_sites_by_band(band: str, names: set[str]) -> None:
    assert set(site_map(parse_sites(SITES, "f", CHECK), AgeBand(band))) == names


def test_engines() -> None:
    text = """
engines:
  google: {name: Google, strict: safe.example, moderate: null, hosts: ["=www.google.example"]}
  tube: {name: Tube, strict: s.example, moderate: m.example, hosts: ["=tube.example"]}
  ya: {name: Ya, address: {v4: 213.180.193.56}, hosts: ["=ya.example"]}
"""
    google, tube, ya = parse_engines(text, "f", CHECK)
    assert [google.safe_name(level) for level in ("strict", "moderate")] == ["safe.example", "safe.example"]
    assert [tube.safe_name(level) for level in ("strict", "moderate")] == ["s.example", "m.example"]
    assert ya.safe_name("strict") == "213.180.193.56"


def test_ech_names() -> None:
    text = """
names:
  - {name: Cover.Example, whose: Example, source: "https://example.com/"}
  - {name: public.example, whose: Example, source: "https://example.com/"}
"""
    assert parse_ech_names(text, "f") == {"cover.example", "public.example"}
    with pytest.raises(PolicyError, match=r"f:2: names\[1\]: has no 'source'"):
        parse_ech_names("names:\n  - {name: cover.example, whose: Example}\n", "f")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (SITES.replace("[0-5, 6-9]", "[]"), "names no band"),
        (SITES.replace("id: big", "id: abc"), "the site 'abc' is there twice"),
        (SITES.replace("bands: [6-9]", "bands: [7-9]"), "did you mean '6-9'?"),
        (SITES.replace("companions: []", "compagnons: []"), "did you mean 'companions'?"),
        (SITES.replace(", companions: []", ""), "has no 'companions'"),
    ],
)
def test_sites_that_are_refused(text: str, says: str) -> None:
    with pytest.raises(PolicyError, match="; ") as refused:
        parse_sites(text, "f", CHECK)
    assert says in str(refused.value)


@pytest.mark.parametrize("address", ["1.2.3", "1.2.3.256", "::1", "a.b.c.d"])
def test_an_engine_needs_a_real_address(address: str) -> None:
    text = f"engines: {{ya: {{name: Ya, address: {{v4: '{address}'}}, hosts: ['=ya.example']}}}}"
    with pytest.raises(PolicyError, match="is not an IPv4 address"):
        parse_engines(text, "f", CHECK)
