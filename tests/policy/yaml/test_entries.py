from __future__ import annotations

import pytest

from gateway.core.errors import PolicyError
from gateway.lists.public_suffixes import public_suffix_check
from gateway.policy.names.hosts import host_map, read_entries, read_host
from gateway.policy.yaml.documents import parse_document
from gateway.policy.yaml.fields import Node

CHECK = public_suffix_check()


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
