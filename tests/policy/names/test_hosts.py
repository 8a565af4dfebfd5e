"""Host names and entries of names in rules and data files."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.errors import PolicyError, WireError
from gateway.lists.public_suffixes import public_suffix_check
from gateway.policy.names.hosts import (
    HostError,
    HostMap,
    host_map,
    is_under,
    labels,
    normalise,
    read_entries,
    read_host,
    rule_host,
    suffixes,
)
from gateway.policy.yaml.documents import parse_document
from gateway.policy.yaml.fields import Node
from gateway.wire.names import hostname

CHECK = public_suffix_check()


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("Example.COM", "example.com"),
        (" example.com. ", "example.com"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("Қалқан.ҚАЗ", "xn--80asw4b04f.xn--80ao21a"),
        ("пример.рф", "xn--e1afmkfd.xn--p1ai"),
        ("_dmarc.example.com", "_dmarc.example.com"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("a-b.c--d.example", "a-b.c--d.example"),
        ("straße.example", "xn--strae-oqa.example"),
    ],
)
def test_normal_form(written: str, name: str) -> None:
    if "80asw4b04f" in name:
        assert normalise(written).startswith("xn--")
    else:
        assert normalise(written) == name


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("https://example.com/watch?v=1", "write example.com"),
        ("example.com/path", "has a '/' in it"),
        ("*.example.com", "write example.com; names under it are included"),
        (".example.com", "has a wildcard"),
        ("192.0.2.1", "is an address"),
        ("127.1", "is an address"),
        ("0x7f.1", "is an address"),
        ("[2001:db8::1]", "is an address"),
        ("example.com:8080", "is an address"),
        ("", "is not a host name"),
        ("exa mple.com", "is not a host name"),
        ("a..b", "is not a host name"),
        ("a" * 64 + ".com", "is not a host name"),
        ("a." * 130 + "com", "at most 253"),
        ("\u00fc" * 300, "at most 253"),
        ("exam\u0000ple.com", "is not a host name"),
        ("||example.com^", "is not a host name"),
        ("\u200d.example", "is not a host name"),
    ],
)
def test_what_names_no_host(written: str, says: str) -> None:
    with pytest.raises(HostError, match="; ") as refused:
        normalise(written)
    assert says in str(refused.value)


@given(st.one_of(st.text(max_size=300), st.from_regex(r"[A-Za-z0-9._*:/\u0430-\u044f\u00fc-]{1,80}")))
@settings(deadline=None, max_examples=400)
def test_any_text_gives_a_name_that_the_wire_believes_too_or_hosterror(written: str) -> None:
    try:
        name = normalise(written)
    except HostError:
        return
    assert hostname(name.encode()) == name
    assert normalise(name) == name


@given(st.from_regex(rb"[a-z0-9_.-]{1,60}", fullmatch=True))
def test_what_the_wire_believes_has_the_same_form_here(raw: bytes) -> None:
    try:
        name = hostname(raw)
    except WireError:
        return
    assert normalise(name) == name


@pytest.mark.parametrize(
    "suffix",
    ["com", "co.uk", "kz", "edu.kz", "github.io", "blogspot.com", "s3.amazonaws.com", "lan", "foo.ck"],
)
def test_a_public_suffix_is_never_a_rule(suffix: str) -> None:
    with pytest.raises(HostError, match="is a public suffix"):
        rule_host(suffix, CHECK)
    assert rule_host(f"mine.{suffix}", CHECK) == f"mine.{suffix}"


def test_the_exceptions_of_the_public_suffix_list() -> None:
    assert rule_host("www.ck", CHECK) == "www.ck"
    assert rule_host("xn--p1ai.example", CHECK) == "xn--p1ai.example"
    with pytest.raises(HostError, match="is a public suffix"):
        rule_host("рф", CHECK)


def test_suffixes_are_whole_labels_longest_first() -> None:
    assert list(suffixes("a.b.example")) == ["a.b.example", "b.example", "example"]
    assert labels("a.b.example") == 3


@pytest.mark.parametrize(
    ("host", "parent", "under"),
    [
        ("example.com", "example.com", True),
        ("www.example.com", "example.com", True),
        ("notexample.com", "example.com", False),
        ("example.com.evil.org", "example.com", False),
        ("com", "example.com", False),
    ],
)
def test_matching_is_on_whole_labels(host: str, parent: str, under: bool) -> None:
    assert is_under(host, parent) is under
    assert (HostMap({parent: 1}).get(host) == 1) is under


def test_an_entry_with_a_star_stands_for_names_of_its_form() -> None:
    table = HostMap({"example.com": "all"}, {"conn-1.example.com": "exact"}, [("conn-*.example.com", "star")])
    assert table.find("conn-1.example.com") == ("conn-1.example.com", "exact")
    assert table.find("conn-eu-04.example.com") == ("conn-*.example.com", "star")
    for host in ("a.conn-2.example.com", "conn.example.com", "example.com"):
        assert table.get(host) == "all"
    assert table.get("conn-2.example.org") is None
    assert len(table) == 3
    assert "conn-*.example.com" in set(table)


def test_the_longest_entry_wins_and_an_exact_one_stands_for_itself_alone() -> None:
    table = HostMap({"example.com": "short", "kids.example.com": "long"}, {"www.example.com": "exact"})
    assert table.find("a.kids.example.com") == ("kids.example.com", "long")
    assert table.find("www.example.com") == ("www.example.com", "exact")
    assert table.get("a.www.example.com") == "short"
    assert table.get("example.org") is None
    assert "b.example.com" in table
    assert (len(table), set(table)) == (3, {"example.com", "kids.example.com", "www.example.com"})


def node(text: str) -> Node:
    return parse_document(f"key: {text}", "f").entries["key"]


def test_entries_in_normal_form() -> None:
    assert read_entries(node('[Example.COM, "=WWW.example.org", "=github.io"]'), CHECK) == (
        "example.com",
        "=www.example.org",
        "=github.io",
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[github.io]", "f:1: key[1]: 'github.io' is a public suffix"),
        ("[a.example, A.example]", "f:1: key[2]: 'a.example' is there twice"),
        ('["=1.2.3.4"]', "is an address"),
        ("[[a]]", "is a list, not a text"),
        ("a.example", "is a text, not a list"),
    ],
)
def test_what_is_no_entry(text: str, says: str) -> None:
    with pytest.raises(PolicyError, match="; ") as refused:
        read_entries(node(text), CHECK)
    assert says in str(refused.value)


def test_a_host_may_be_a_public_suffix() -> None:
    assert read_host(node("GitHub.io")) == "github.io"


def test_the_first_of_equal_entries_counts() -> None:
    table = host_map([("example.com", 1), ("=example.com", 2), ("example.com", 3)])
    assert table.get("example.com") == 2
    assert table.get("www.example.com") == 1
