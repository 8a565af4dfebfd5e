"""Lists as they are published, and what is delivered in a list's place."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import ListError
from gateway.lists import formats
from gateway.lists.build import guess_format
from gateway.lists.formats import MAX_LINE, Format, Tally, read_domains

LISTS = {
    Format.HOSTS: b"""# title
127.0.0.1 localhost
::1 ip6-localhost ip6-loopback
0.0.0.0 Bad.Example # why
0.0.0.0 one.example two.example\r
0.0.0.0 xn--e1afmkfd.example
""",
    Format.DOMAINS: b"""! title
bad.example
*.one.example
.two.example
\xd0\xbf\xd1\x80\xd0\xb8\xd0\xbc\xd0\xb5\xd1\x80.example
""",
    Format.ADBLOCK: b"""[Adblock Plus]
! title
||bad.example^
||one.example^$all
||two.example^$third-party,important
||xn--e1afmkfd.example^
@@||good.example^
""",
    Format.RPZ: b"""$TTL 60
@ IN SOA localhost. root.localhost. (
        2026112401 ; serial
        3600 )
@ NS localhost.
bad.example CNAME .
one.example 60 IN CNAME *.
*.two.example CNAME .
xn--e1afmkfd.example CNAME .
""",
}
# The beginnings of published lists, with other names: their comments, separators and special lines.
PUBLISHED: dict[str, tuple[Format, bytes, list[str]]] = {
    "wildcard": (
        Format.DOMAINS,
        b"# Title: a list\n# Syntax: Domains (with subdomains)\n#\n*.bad.example\n*.a.one.example\n",
        ["bad.example", "a.one.example"],
    ),
    "wildcard, names only": (
        Format.DOMAINS,
        b"# Title: a list\n# Number of entries: 2\n#\nbad.example\na.one.example\n",
        ["bad.example", "a.one.example"],
    ),
    "plain domains without a title": (
        Format.DOMAINS,
        b"bad.example\r\n192.0.2.7\r\nun_der.example\r\nbad.example.\r\n",
        ["bad.example", "un_der.example", "bad.example"],
    ),
    "hosts": (
        Format.HOSTS,
        b"# Title: hosts\n127.0.0.1 localhost\n::1 localhost\n0.0.0.0 0.0.0.0\nff02::1 ip6-allnodes\n"
        b"\n# Start\n0.0.0.0 bad.example\n0.0.0.0 one.example\n",
        ["bad.example", "one.example"],
    ),
    "hosts with tabs": (
        Format.HOSTS,
        b"# ABC feed                   #\r\n127.0.0.1\tbad.example\r\n127.0.0.1\tone.example\r\n",
        ["bad.example", "one.example"],
    ),
    "adblock": (
        Format.ADBLOCK,
        b"[Adblock Plus]\n! Title: a list\n! Number of entries: 2\n||bad.example^\n||*.one.example^\n",
        ["bad.example", "one.example"],
    ),
    "adblock of a DNS filter": (
        Format.ADBLOCK,
        b"! Title: DNS filter\n||bad.example^\n||one.example^|\n@@||good.one.example^|\n/^ad[0-9]+\\./\n"
        b"||two.example^$denyallow=a.two.example\n://three.\n|four.example^\n||five.example^$important\n",
        ["bad.example", "one.example", "five.example"],
    ),
    "rpz": (
        Format.RPZ,
        b"$TTL 300\n@ SOA localhost. root.localhost. 2611290000 43200 3600 259200 300\n  NS  localhost.\n;\n"
        b"; Title: a list\n;\nbad.example CNAME .\n*.bad.example CNAME .\n",
        ["bad.example", "bad.example"],
    ),
    "addresses with names": (
        Format.ADDRESSES,
        b"192.0.2.7          # dns.one.example\n2001:db8::7        # dns.one.example\n",
        ["192.0.2.7", "2001:db8::7"],
    ),
    "addresses of relays": (
        Format.ADDRESSES,
        b"fingerprint,ipaddr,port\n000A10D43011EA4928A35F610405F92B4433B4DC,203.0.113.9,9001\n"
        b"0011BD2485AD45D984EC4159C88FC066E5E3300E,2001:db8::9,443\n",
        ["203.0.113.9", "2001:db8::9"],
    ),
}
ADDRESSES = b"""# title
fingerprint, ipaddr, port
192.0.2.7
192.0.2.8          # doh.example\r
2001:DB8:0::7
198.51.100.0/24
198.51.101.4/31
2001:db8:1::/64
000A10D43011EA4928A35F610405F92B4433B4DC, 203.0.113.9, 9001
; comment
"""
ENTRIES = [
    "192.0.2.7", "192.0.2.8", "2001:db8::7", "198.51.100.0/24", "198.51.101.4", "198.51.101.5",
    "2001:db8:1::/64", "203.0.113.9",
]  # fmt: skip
NAMES = [form for form in Format if form is not Format.ADDRESSES]
EXPECTED = ["bad.example", "one.example", "two.example", "xn--e1afmkfd.example"]


@pytest.mark.parametrize("form", NAMES)
@pytest.mark.parametrize("size", [1, 5, 10**6])
def test_every_format_in_any_pieces(form: Format, size: int) -> None:
    data = LISTS[form]
    chunks = [data[at : at + size] for at in range(0, len(data), size)]
    tally = Tally()
    assert list(read_domains("x", chunks, form, tally)) == EXPECTED
    assert tally.domains == 4
    assert tally.odd_lines == 0


@pytest.mark.parametrize("size", [1, 5, 10**6])
def test_addresses_in_any_pieces(size: int) -> None:
    chunks = [ADDRESSES[at : at + size] for at in range(0, len(ADDRESSES), size)]
    tally = Tally()
    assert list(read_domains("x", chunks, Format.ADDRESSES, tally)) == ENTRIES
    assert (tally.domains, tally.odd_lines) == (8, 1)
    assert tally.odd == ["line 2: fingerprint, ipaddr, port"]


@pytest.mark.parametrize(
    "line",
    [
        b"0.0.0.0/0", b"::/0", b"198.51.0.0/16", b"198.51.100.0/23", b"2001:db8::/32", b"2001:db8::/112",
        b"10.0.0.1", b"192.168.0.0/24", b"172.16.4.0/24", b"100.64.0.0/24", b"127.0.0.1", b"::1", b"fd00::1",
        b"fe80::1", b"224.0.0.251", b"ff02::fb", b"169.254.0.1", b"255.255.255.255",
        b"192.168.0.1 198.51.100.1",
        b"198.51.100", b"198.51.100.1/33", b"198.051.100.001", b"198.51.100.1:443", b"bad.example",
        b"a, b, 198.51.100.1", b"\xff\xfe", b"198.51.100.7/24",
    ],
)  # fmt: skip
def test_what_no_list_of_addresses_may_hold_is_an_odd_line(line: bytes) -> None:
    tally = Tally()
    assert list(read_domains("x", [b"192.0.2.7\n", line], Format.ADDRESSES, tally)) == ["192.0.2.7"]
    assert tally.odd_lines == 1
    assert tally.odd[0].startswith("line 2: ")


def test_prefixes_do_not_fill_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "MAX_ADDRESSES", 300)
    with pytest.raises(ListError, match="x: line 3: more than 300 addresses"):
        list(
            read_domains("x", [b"192.0.2.0/25\n198.51.100.0/25\n203.0.113.0/25\n"], Format.ADDRESSES, Tally())
        )


def test_a_list_of_names_is_no_list_of_addresses() -> None:
    with pytest.raises(ListError, match="x: no address in 4 lines; is its format really addresses"):
        list(read_domains("x", [LISTS[Format.DOMAINS]], Format.ADDRESSES, Tally()))


@pytest.mark.parametrize(
    ("form", "line"),
    [
        (Format.ADBLOCK, b"||bad.example^$domain=good.example"),
        (Format.ADBLOCK, b"||bad.example/path"),
        (Format.ADBLOCK, b"||ads."),
        (Format.ADBLOCK, b"good.example##.banner"),
        (Format.RPZ, b"good.example CNAME walled.example."),
        (Format.RPZ, b"good.example A 192.0.2.1"),
        (Format.RPZ, b"32.1.2.0.192.rpz-ip CNAME ."),
        (Format.DOMAINS, b"192.0.2.1"),
        (Format.DOMAINS, b"com"),
        (Format.DOMAINS, b"not a domain"),
        (Format.HOSTS, b"0.0.0.0 -"),
        (Format.HOSTS, b"bad.example"),
        (Format.HOSTS, b"192.0.2.1 home.example"),
        (Format.HOSTS, b"This site.example is refused.example"),
    ],
)
def test_what_names_no_whole_domain_is_counted_and_left_out(form: Format, line: bytes) -> None:
    tally = Tally()
    assert list(read_domains("x", [LISTS[form] + line], form, tally)) == EXPECTED
    assert tally.odd_lines == 1
    assert "line" in tally.odd[0]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\n  <!DOCTYPE html><p>moved", "line 1: a web page"),
        ("bad.example\n".encode("utf-16"), "line 1: UTF-16"),
        (b"bad.example\none.ex\0ample\n", "line 2: a NUL byte"),
        (b"bad.example\n" + b"x" * (MAX_LINE + 1) + b"\n", "line 2: longer than"),
        (b"x" * 10_000_000, "line 1: longer than"),
        (b"# nothing\n", "no domain in 0 lines"),
        (b"bad.example\n" * 10 + b"?\n" * 11, "11 of 21 lines have no domain .line 11: \\?"),
    ],
)
def test_what_is_no_list_is_refused_with_its_line(data: bytes, words: str) -> None:
    with pytest.raises(ListError, match=f"^some list: .*{words}"):
        list(
            read_domains(
                "some list",
                [data[at : at + 65536] for at in range(0, len(data), 65536)],
                Format.DOMAINS,
                Tally(),
            )
        )


@given(st.binary(max_size=300), st.sampled_from(Format))
def test_any_bytes_give_domains_or_a_list_error(data: bytes, form: Format) -> None:
    domains: list[str] = []
    with contextlib.suppress(ListError):
        domains.extend(read_domains("x", [data], form, Tally()))
    assert all("." in domain and domain.isascii() for domain in domains)


@pytest.mark.parametrize("form", NAMES)
def test_a_byte_order_mark_is_no_part_of_the_first_line(form: Format) -> None:
    first = {Format.HOSTS: b"0.0.0.0 a.example", Format.DOMAINS: b"a.example"}
    line = first.get(form, b"||a.example^" if form is Format.ADBLOCK else b"a.example CNAME .")
    tally = Tally()
    assert list(read_domains("x", [b"\xef\xbb\xbf" + line + b"\r\n"], form, tally)) == ["a.example"]
    assert not tally.odd_lines


@pytest.mark.parametrize(
    "address", ["0.0.0.0", "127.0.0.1", "127.255.0.2", "::", "::1", "0", "::ffff:0.0.0.0"]
)
def test_a_hosts_line_counts_where_its_address_leads_nowhere(address: str) -> None:
    line = f"{address} a.example".encode()
    assert list(read_domains("x", [line], Format.HOSTS, Tally())) == ["a.example"]


def test_a_providers_page_is_no_hosts_list() -> None:
    page = b"Access denied.\nThe site news.example is not reachable from example.net today.\n" * 30
    with pytest.raises(ListError, match="no domain in 60 lines"):
        list(read_domains("x", [page], Format.HOSTS, Tally()))


@pytest.mark.parametrize(
    ("form", "line"),
    [
        (Format.ADBLOCK, b"@@||one.example^"),
        (Format.ADBLOCK, b"@@||one.example^$important"),
        (Format.ADBLOCK, b"@@||one.example^|"),
        (Format.RPZ, b"one.example CNAME rpz-passthru."),
        (Format.RPZ, b"*.one.example 60 IN CNAME rpz-passthru."),
        (Format.RPZ, b"one.example CNAME one.example."),
    ],
)
def test_what_a_list_leaves_out_by_itself(form: Format, line: bytes) -> None:
    tally = Tally()
    list(read_domains("x", [LISTS[form] + line], form, tally))
    assert tally.left_out - {"good.example"} == {"one.example"}
    assert tally.leaves_out("a.one.example")
    assert not tally.leaves_out("anyone.example")
    assert tally.odd_lines == 0


@pytest.mark.parametrize("line", [b"@@||one.example/path^", b"@@||one.example^$domain=a.example", b"@@one"])
def test_an_exception_for_some_pages_leaves_no_name_out(line: bytes) -> None:
    tally = Tally()
    list(read_domains("x", [LISTS[Format.ADBLOCK] + line], Format.ADBLOCK, tally))
    assert tally.left_out == {"good.example"}


@pytest.mark.parametrize(
    "zone",
    [
        b"a.example CNAME rpz-drop.\n",
        b"a.example A 0.0.0.0\n",
        b"a.example 300 IN A 127.0.0.1\n",
        b"a.example AAAA ::\n",
        b"$ORIGIN rpz.home.\n@ SOA a. b. 1 2 3 4 5\na.example.rpz.home. CNAME .\n",
        b"$ORIGIN rpz.home.\n@ SOA a. b. 1 2 3 4 5\na.example CNAME .\n",
        b"$ORIGIN rpz.home.\n@ SOA a. b. 1 2 3 4 5\n$ORIGIN example\na CNAME .\n",
        b"$ORIGIN rpz.home.\n@ SOA a. b. 1 2 3 4 5\n$ORIGIN Example.rpz.home.\n*.a CNAME .\n",
        b"$ORIGIN .\nrpz.home SOA a. b. 1 2 3 4 5\na.example.rpz.home CNAME .\n",
        b"rpz.home. 60 IN SOA a. b. 1 2 3 4 5\na.example.rpz.home. 60 IN CNAME .\n",
    ],
)
def test_zones_in_other_words(zone: bytes) -> None:
    tally = Tally()
    assert list(read_domains("x", [zone], Format.RPZ, tally)) == ["a.example"]
    assert tally.odd_lines == 0


@pytest.mark.parametrize("name", PUBLISHED)
def test_lists_as_they_are_published(name: str, tmp_path: Path) -> None:
    form, data, expected = PUBLISHED[name]
    assert list(read_domains("x", [data], form, Tally())) == expected
    path = tmp_path / "list"
    path.write_bytes(data)
    assert guess_format("x", path) is form
