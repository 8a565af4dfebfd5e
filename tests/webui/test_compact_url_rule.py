"""Routes share their parts, compile their address functions on first use, and lead where Werkzeug's do."""

from __future__ import annotations

import pytest
from werkzeug.routing import Map, Rule

from webui.compact_url_rule import CompactUrlRule

PATTERNS = (("home", "/"), ("child", "/child/<name>/"), ("day", "/child/<name>/day/<int:day>"))
VALUES: tuple[tuple[str, dict[str, object]], ...] = (
    ("home", {}),
    ("child", {"name": "ня/ё"}),
    ("day", {"name": "a", "day": 3, "more": "x y"}),
)
CALLS = VALUES * 2  # the second call uses the compiled function


@pytest.mark.parametrize("append_unknown", [True, False])
def test_addresses_are_those_of_werkzeug(append_unknown: bool) -> None:
    made = []
    for kind in (Rule, CompactUrlRule):
        map_ = Map([kind(pattern, endpoint=name) for name, pattern in PATTERNS])
        adapter = map_.bind("qalqan.example")
        made.append([adapter.build(name, values, append_unknown=append_unknown) for name, values in CALLS])
    assert made[0] == made[1]


def test_equal_parts_are_one_and_lead_to_the_same_pages() -> None:
    paths, found = ("/", "/child/a%20b/", "/child/a/day/12", "/child/a/day/x", "/none"), []
    for kind in (Rule, CompactUrlRule):
        map_ = Map([kind(pattern, endpoint=name) for name, pattern in PATTERNS])
        adapter = map_.bind("qalqan.example")
        found.append([adapter.test(path) and adapter.match(path) for path in paths])
        parts = [part for rule in map_.iter_rules() for part in rule._parts]
        assert (len({id(part) for part in parts}) == len(set(map(repr, parts)))) is (kind is CompactUrlRule)
    assert found[0] == found[1]


def test_a_function_is_compiled_once_and_only_if_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[bool] = []
    original = Rule._compile_builder

    def counted(rule: Rule, append_unknown: bool = True) -> object:
        compiled.append(append_unknown)
        return original(rule, append_unknown)

    monkeypatch.setattr(Rule, "_compile_builder", counted)
    rules = [CompactUrlRule(pattern, endpoint=name) for name, pattern in PATTERNS]
    adapter = Map(rules).bind("qalqan.example")
    assert compiled == []
    assert adapter.build("child", {"name": "a"}) == adapter.build("child", {"name": "a"}) == "/child/a/"
    assert compiled == [True]
