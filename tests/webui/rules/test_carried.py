"""A child's rules for another home: what is in a file and a code, and what comes back in from anybody."""

from __future__ import annotations

import base64
import json
import zlib
from typing import Any

import pytest

from gateway.control.contract.rules import CatalogueCategory, CatalogueService, ChildRules
from gateway.policy.profile.rule_keys import EXPORTED_KEYS
from tests.webui.standin.carried import in_file
from tests.webui.standin.editing import FILES
from webui.charts import qr
from webui.rules import carried
from webui.rules.carried import Carried, NotRulesError, read
from webui.rules.catalogue import CatalogueIndex
from webui.rules.ruleset import Ruleset

RULES: dict[str, Any] = {
    "allow": ["khanacademy.org", "service:later"],
    "block": ["service:tiktok"],
    "categories": {"social_networks": "ask", "of_later": "block"},
    "limits": {"service:roblox": {"school": "1h", "free": "2h"}},
    "bedtime": {"school": "20:45-07:00", "free": "21:45-08:00"},
    "windows": {"service:roblox": {"school": ["16:00-18:00"], "free": ["10:00-12:00", "15:00-19:00"]}},
    "log_level": 2,
    "homework": {},
}
HERS = Carried("Aruzhan", "10-12", RULES)
NAMES = CatalogueIndex(
    services={one: CatalogueService(one, one.title(), "play", None, ()) for one in ("tiktok", "roblox")},
    groups={},
    kinds={"social_networks": CatalogueCategory("social_networks", "Social networks", "")},
    bands={"10-12": {"allow": ["bilimland.kz"], "limits": {"play": "2h"}, "log_level": 2}},
)


def packed(said: object, version: int = 1) -> str:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15, zdict=carried.WORDS)
    data = packer.compress(json.dumps(said).encode()) + packer.flush()
    return f"{version}{base64.urlsafe_b64encode(data).decode().rstrip('=')}"


def test_a_file_and_a_code_say_the_same() -> None:
    code = carried.to_code(HERS)
    assert read(carried.to_file(HERS).decode()) == HERS
    assert read(code) == HERS
    assert read(f"http://qalqan.home.arpa/parent/import?r={code}") == HERS
    assert read(f" {code[:20]}\n{code[20:]} ") == HERS  # as a mail wraps it


def test_a_code_of_an_ordinary_family_fits_one_picture() -> None:
    for said in (*FILES.values(), {"name": "Aruzhan", "band": "10-12", **RULES}):
        rules = {key: value for key, value in said.items() if key in EXPORTED_KEYS}
        code = carried.to_code(Carried(str(said["name"]), str(said["band"]), rules))
        assert len(f"http://qalqan.home.arpa/parent/import?r={code}") <= qr.MAX_BYTES


def test_a_code_of_the_first_version_is_read_by_every_later_one() -> None:
    """It hangs on somebody's wall: neither the shape nor the dictionary may change below it."""
    assert read("1i1ZyLCqtykgERTU8pLHFOS7DQPFQopdakZhbkJMKMhoRvEjhVlsbCwA") == Carried(
        "Aruzhan",
        "10-12",
        {"mode": "allow-list", "block": ["service:tiktok", "bet.example"], "limits": {"play": "90m"}},
    )


def test_old_words_of_the_first_version_are_read_as_the_current_ones() -> None:
    old = {"unknown": "refuse", "categories": {"games": "refuse", "messaging": "open"},
           "ways": {"ssh": "open"}, "failure": "open"}  # fmt: skip
    current = {"unknown": "block", "categories": {"games": "block", "messaging": "allow"},
               "ways": {"ssh": "allow"}, "failure": "open"}  # fmt: skip
    # Made by the version before the words changed.
    code = "1i1ZyScxLBGqHBzOWFIjqMDSLgEkktbg4MR3iGljUwpIIaoQjEh1EJBYA"
    assert read(code) == Carried("Dana", "10-12", current)
    assert read(in_file(version=1, name="Dana", rules=old)).rules == current


@pytest.mark.parametrize("text", [
    "", "hello", "{", "[]", "{}", "1", "1!!!", "http://[", "1AAAA", "null", '{"qalqan": "rules"}',
    "{" + '"a":{' * 5000, "[" * 100_000, "0" * 70_000,
    in_file(name=7), in_file(name=""), in_file(name="\u202e"), in_file(band=None), in_file(band="a\nb"),
    in_file(rules=[]), in_file(rules={"allow": "a"}), in_file(rules={"allow": [{}]}),
    in_file(rules={"limits": []}), in_file(rules={"mode": {"a": "b"}}), in_file(rules={"mode": None}),
    in_file(rules={"log_level": 1.5}), in_file(rules={"log_level": 10**9}),
    in_file(rules={"later": {"a": {"b": {"c": {"d": 1}}}}}), in_file(rules={"mode": "a\x00b"}),
    in_file(rules={"allow": ["a" * 300]}), in_file(rules={"allow": ["a.example"] * 2001}),
    packed({"name": "x"}), packed(["x", "10-12"]), packed(["x", "10-12", {"allow": "x"}]),
])  # fmt: skip
def test_what_is_no_rules_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(NotRulesError) as caught:
        read(text)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 120


@pytest.mark.parametrize("text", [in_file(version=3), packed(["x", "10-12", {}], 3)])
def test_what_a_later_gateway_made_is_told_so(text: str) -> None:
    with pytest.raises(NotRulesError, match="newer gateway"):
        read(text)


def test_a_code_that_unfolds_to_megabytes_is_not_unfolded() -> None:
    bomb = zlib.compressobj(9, zlib.DEFLATED, -15, zdict=carried.WORDS)
    data = bomb.compress(b'["' + b"a" * 20_000_000) + bomb.flush()
    with pytest.raises(NotRulesError):
        read(f"1{base64.urlsafe_b64encode(data).decode()}")


def test_what_this_home_does_not_know_is_left_out_and_named() -> None:
    found = carried.fitted(Carried("A", "10-12", {**RULES, "of_later": "x"}), NAMES)
    assert found.left_out == ("service:later", "of_later")
    assert found.carried.rules == RULES | {
        "allow": ["khanacademy.org"],
        "categories": {"social_networks": "ask"},
    }


def test_a_mapping_of_which_nothing_is_known_does_not_clear_what_the_band_says() -> None:
    found = carried.fitted(Carried("A", "10-12", {"categories": {"of_later": "ask"}, "limits": {}}), NAMES)
    assert found.carried.rules == {"limits": {}}  # the family's own word, which does clear


def test_what_holds_is_the_band_s_with_the_family_s_over_it() -> None:
    book = carried.as_ruleset(Carried("A", "10-12", {"allow": ["a.example"], "limits": {}}), NAMES)
    assert book.state.rules["allow"] == ["bilimland.kz", "a.example"]
    assert book.state.rules["limits"] == {}
    assert book.state.rules["log_level"] == 2


def test_a_log_level_below_the_band_s_goes_along_and_a_higher_one_does_not() -> None:
    """Who was older once is not written down more in another home than here."""

    def sent(own: dict[str, Any], held: int) -> object:
        rules = ChildRules(
            id="a", name="A", band="10-12", by_hand=False, own=own, band_rules={"log_level": 2},
            rules={"log_level": held}, set=None, revision=0, problem=None,
        )  # fmt: skip
        book = Ruleset(rules)
        return carried.of_child(book).rules.get("log_level")

    assert sent({}, 2) is None
    assert sent({}, 1) == "1"
    assert sent({"log_level": "2"}, 1) == "1"


def test_dates_devices_and_calendars_do_not_go_along() -> None:
    assert not {"devices", "portal", "dates", "calendars", "name"} & set(EXPORTED_KEYS)
