from __future__ import annotations

import textwrap
from datetime import date
from ipaddress import ip_address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.errors import PolicyError
from gateway.lists.public_suffixes import public_suffix_check
from gateway.policy.names.services import Catalogue, GroupFile, MinimumAge, parse_group

CHECK = public_suffix_check()
CATEGORIES = ("video_sharing", "games")

VIDEO = """
    group: {id: video, name: {en: Video, ru: Видео, kk: Бейне}}
    services:
      tube:
        name: Tube
        categories: [video_sharing]
        domains: [tube.example, cdn.example, "=one.shared.example"]
        except: [mail.tube.example, "=exact.cdn.example"]
        ports: {quic: [443], udp: ["3478-3481", 5000]}
        addresses:
          - {prefixes: [9.1.0.0/16, 9.9.9.9], source: "https://tube.example/ranges", date: 2026-11-29}
          - {prefixes: [9.2.0.0/16], source: "https://tube.example/cloud", date: 2026-11-29, shared: true}
        signatures: [{proto: udp, bytes: "01 02 03"}]
        companions: [img.example, "=api.shared.example"]
        shared: [app.example]
        min_age: {years: 13, source: "https://tube.example/terms", date: 2026-11-29}
        update: [update.tube.example, updates.example]
        test: {match: [www.tube.example], miss: [tube.example.org]}
      tube-kids:
        name: Tube Kids
        categories: []
        domains: [kids.tube.example, cdn.example]
        addresses: [{prefixes: [9.1.7.0/24], source: "https://tube.example/ranges", date: 2026-11-29}]
        test: {match: [kids.tube.example]}
    """


def group(text: str = VIDEO, file: str = "video.yaml") -> GroupFile:
    return parse_group(textwrap.dedent(text), file, CATEGORIES, CHECK)


CATALOGUE = Catalogue([group()])


@pytest.mark.parametrize(
    ("host", "services"),
    [
        ("tube.example", ["tube"]),
        ("a.b.tube.example", ["tube"]),
        ("nottube.example", []),
        ("tube.example.org", []),
        ("kids.tube.example", ["tube-kids"]),  # the longest entry wins
        ("x.kids.tube.example", ["tube-kids"]),
        ("x.cdn.example", ["tube", "tube-kids"]),  # a tie belongs to both
        ("mail.tube.example", []),
        ("x.mail.tube.example", []),
        ("exact.cdn.example", ["tube-kids"]),  # hidden from the one that excludes it
        ("x.exact.cdn.example", ["tube", "tube-kids"]),
        ("one.shared.example", ["tube"]),
        ("x.one.shared.example", []),
        ("shared.example", []),
        ("updates.example", ["tube"]),
        ("update.tube.example", ["tube"]),
    ],
)
def test_services_of(host: str, services: list[str]) -> None:
    assert list(CATALOGUE.services_of(host)) == services


@pytest.mark.parametrize(
    ("host", "services"),
    [
        ("v1.media.example", ("tube",)),
        ("v2.media.example", ()),
        ("v3.media.example", ("tube-kids",)),
        ("v4.media.example", ("tube",)),
    ],
)
def test_a_name_that_a_service_excludes_matches_none_of_its_patterns(
    host: str, services: tuple[str, ...]
) -> None:
    text = VIDEO.replace(
        "domains: [tube.example,", 'domains: [tube.example, "v*.media.example", media.example,'
    )
    text = text.replace("except: [", 'except: [v2.media.example, "=v3.media.example", x.v4.media.example, ')
    text = text.replace("domains: [kids.tube.example,", "domains: [kids.tube.example, v3.media.example,")
    assert Catalogue([group(text)]).services_of(host) == services


def test_names_that_run_anothers_app_are_no_companions() -> None:
    assert CATALOGUE.shared_by("x.app.example") == ("tube",)
    assert CATALOGUE.companions_of("app.example") == ()
    assert CATALOGUE.shared_by("img.example") == ()


def test_the_age_of_a_services_terms() -> None:
    found = CATALOGUE.services["tube"].min_age
    assert found == MinimumAge(13, "https://tube.example/terms", date(2026, 11, 29))
    assert CATALOGUE.services["tube-kids"].min_age is None


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("years: 13", "years: 99", "min_age.years"),
        ("https://tube.example/terms", "its terms", "write the address of the terms"),
        ('terms", date: 2026-11-29', 'terms", date: soon', "min_age.date"),
        (", date: 2026-11-29", "", "has no 'date'"),
    ],
)
def test_an_age_has_a_source_and_a_date(old: str, new: str, message: str) -> None:
    with pytest.raises(PolicyError, match=message):
        group(VIDEO.replace(old, new))


def test_updates_are_told_from_use() -> None:
    assert CATALOGUE.updates_of("x.update.tube.example") == ("tube",)
    assert CATALOGUE.updates_of("www.tube.example") == ()


def test_a_longer_domain_is_not_an_update() -> None:
    text = VIDEO.replace("domains: [tube.example,", "domains: [tube.example, play.update.tube.example,")
    catalogue = Catalogue([group(text)])
    assert catalogue.updates_of("play.update.tube.example") == ()
    assert catalogue.services_of("play.update.tube.example") == ("tube",)


def test_companions_belong_to_nobody() -> None:
    assert CATALOGUE.companions_of("a.img.example") == ("tube",)
    assert CATALOGUE.companions_of("api.shared.example") == ("tube",)
    assert CATALOGUE.companions_of("a.api.shared.example") == ()
    assert CATALOGUE.services_of("a.img.example") == ()


@pytest.mark.parametrize(
    ("port", "services"), [(3477, ()), (3478, ("tube",)), (3481, ("tube",)), (3482, ()), (5000, ("tube",))]
)
def test_services_that_use_a_port(port: int, services: tuple[str, ...]) -> None:
    assert CATALOGUE.services_at("udp", port) == services
    assert CATALOGUE.services_at("tcp", port) == ()


@pytest.mark.parametrize(
    ("address", "services", "shared"),
    [
        ("9.1.2.3", ("tube",), False),
        ("9.9.9.9", ("tube",), False),
        ("9.1.7.3", ("tube", "tube-kids"), True),  # part of another service's prefix
        ("9.2.2.3", ("tube",), True),
    ],
)
def test_the_owners_of_an_address(address: str, services: tuple[str, ...], shared: bool) -> None:
    assert CATALOGUE.owners_of(ip_address(address).packed) == (services, shared)


def test_an_address_of_no_service() -> None:
    assert CATALOGUE.owners_of(ip_address("9.3.0.1").packed) is None
    assert CATALOGUE.owners_of(b"") is None


def test_a_block_names_its_source_and_date() -> None:
    first, second = CATALOGUE.services["tube"].addresses
    assert (first.source, first.date, first.shared) == (
        "https://tube.example/ranges",
        date(2026, 11, 29),
        False,
    )
    assert second.shared


def test_services_by_first_bytes() -> None:
    assert CATALOGUE.signed("udp", b"\x01\x02\x03", 9) == ("tube",)
    assert CATALOGUE.signed("tcp", b"\x01\x02\x03", 9) == ()


def test_a_name_with_a_star_goes_before_shorter_ones() -> None:
    text = VIDEO.replace("[kids.tube.example, cdn.example]", "['kids*.cdn.example', 'a.*.tube.example']")
    catalogue = Catalogue([group(text)])
    assert catalogue.services_of("kids7.cdn.example") == ("tube-kids",)
    assert catalogue.services_of("a.b-c.tube.example") == ("tube-kids",)
    for host in ("x.kids7.cdn.example", "akids7.cdn.example", "a.b.c.tube.example", "kids.7.cdn.example"):
        assert catalogue.services_of(host) == ("tube",)


def test_all_names_under_a_public_suffix() -> None:
    catalogue = Catalogue([group(VIDEO.replace("[kids.tube.example,", "['*.github.io',"))])
    assert catalogue.services_of("anybody.github.io") == ("tube-kids",)


def test_what_a_service_holds() -> None:
    tube = CATALOGUE.services["tube"]
    assert (tube.name, tube.group) == ("Tube", "video")
    assert tube.ports == {"quic": ((443, 443),), "udp": ((3478, 3481), (5000, 5000))}
    assert CATALOGUE.categories_of(["tube", "tube-kids"]) == {"video_sharing"}
    assert [one.group for one in CATALOGUE.services.values()] == ["video", "video"]
    assert CATALOGUE.groups["video"].name["kk"] == "Бейне"
    assert group().tests["tube"] == (("www.tube.example",), ("tube.example.org",))


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("[tube.example, cdn", "[gov.kz, cdn", "is a public suffix"),
        ("[tube.example, cdn", "[tube.example, TUBE.example, cdn", "'tube.example' is there twice"),
        ("except: [mail.tube.example", "except: [mail.other.example", "which is not under its domains"),
        ("[video_sharing]", "[video_shareing]", "did you mean 'video_sharing'?"),
        ('"3478-3481"', '"3481-3478"', "is no port or range"),
        ("5000", "70000", "is no port or range"),
        ("quic:", "quick:", "did you mean 'quic'?"),
        ("update: [update", "updates: [update", "did you mean 'update'?"),
        ("name: Tube\n", "name: ''\n", "is empty"),
        ("[img.example,", "[gov.kz,", "is a public suffix"),
        ("[tube.example, cdn", "['a*b*.tube.example', cdn", "has its star in a wrong place"),
        ("[tube.example, cdn", "['tube*.example', cdn", "has its star in a wrong place"),
        ("[tube.example, cdn", "['a*_(.tube.example', cdn", "is not a host name"),
        ("      tube:\n", "      Tube:\n", "'Tube' is no id"),
        ("id: video", "id: Video!", "is no id"),
        ("9.1.0.0/16, 9.9", "10.1.0.0/16, 9.9", "is of a network at home"),
        ("9.1.0.0/16, 9.9", "9.1.0.1/16, 9.9", "is no address"),
        ("9.1.0.0/16, 9.9", "8.0.0.0/8, 9.9", "is too wide for one service"),
        ("9.1.0.0/16, 9.9", "9.9.9.9/32, 9.9", "'9.9.9.9' is there twice"),
        ('"https://tube.example/ranges"', "tube.example", "is no HTTPS address"),
        ("date: 2026-11-29}", "date: today}", "'today' is no date"),
        (", date: 2026-11-29}", "}", "has no 'date'"),
        ("shared: true", "share: true", "did you mean 'shared'?"),
        ('bytes: "01 02 03"', 'bytes: "01"', "fixes 8 bits"),
        ("kk: Бейне", "kz: Бейне", "is not a known key"),
        ("        domains: [kids.tube.example, cdn.example]\n", "        domains: []\n", "has no domains"),
        ("        test: {match: [kids.tube.example]}\n", "", "has no 'test'"),
        ("match: [www.tube.example]", "match: [http://x/]", "is a web address"),
    ],
)
def test_what_is_refused(old: str, new: str, says: str) -> None:
    assert old in VIDEO
    with pytest.raises(PolicyError, match=r"video\.yaml:\d+: ") as refused:
        group(VIDEO.replace(old, new, 1))
    assert says in str(refused.value)


def test_a_service_or_a_group_in_two_files() -> None:
    with pytest.raises(PolicyError, match=r"other\.yaml:4: services\.tube: is in the group 'video' too"):
        Catalogue([group(), group(VIDEO.replace("id: video", "id: other"), "other.yaml")])
    renamed = VIDEO.replace("      tube:", "      tube2:").replace("      tube-kids:", "      tube3:")
    with pytest.raises(PolicyError, match="the group 'video' has two files"):
        Catalogue([group(), group(renamed, "video2.yaml")])


@given(st.text())
@settings(deadline=None)
def test_any_text_gives_policyerror(text: str) -> None:
    with pytest.raises(PolicyError, match="f:"):
        parse_group(text, "f", CATEGORIES, CHECK)


@pytest.mark.parametrize(("text", "threshold"), [("50KB", 50_000), ("2 MB", 2_000_000), ("1KB", 1_000)])
def test_a_service_says_from_when_on_a_minute_counts(text: str, threshold: int) -> None:
    changed = group(VIDEO.replace("categories: []", f"categories: []\n        threshold: {text}"))
    assert [one.threshold for one in changed.services] == [200_000, threshold]


@pytest.mark.parametrize("text", ["0KB", "50", "50kb", "1GB", "2000MB", "-5KB", "50000", ""])
def test_what_is_no_threshold_is_refused(text: str) -> None:
    with pytest.raises(PolicyError, match=r"video\.yaml:\d+: services\.tube-kids\.threshold"):
        group(VIDEO.replace("categories: []", f"categories: []\n        threshold: {text}"))
