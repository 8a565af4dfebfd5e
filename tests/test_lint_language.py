"""The check for the words of the old private English."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lint_language import ROOT, WIRE_NAMES, Hit, hits, totals


def found(name: str, text: str) -> list[tuple[int, str]]:
    return [(hit.line, hit.word) for hit in hits(Path(name), text)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x = told_gates", ["told"]),
        ("x = toldGates()", ["told"]),
        ("def untold(): pass", []),
        ("x = hourstold", []),
        ("x = error.mend", ["mend"]),
        ("amend = recommend", []),
        ("x = {'told': 1}", ["told"]),
        ("y = [one for one in devices]", ["for one in"]),
        ("whose_it_is = 1", ["whose it is"]),
        ('"""Says\n\nwhat is\nso of it."""', ["what is so"]),
        ("# for one\n# in all", ["for one in"]),
        ('# The page says "You were told".', []),
        ('"""Answers “told” and "mend"."""', []),
        ('x = _("You are told", name="a")', []),
        ('x = ngettext("{n} was told", "{n} were\\" told", n)', []),
        ('x = _(\n    "You are"\n    " told"\n)', []),
        ('x = f_("told")', ["told"]),
        ('x = _("a", told=1)', ["told"]),
    ],
)
def test_python(text: str, words: list[str]) -> None:
    assert [word for _, word in found("gateway/a.py", text)] == words


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("docs/a.md", 'It is told.\n> who was told\n\nIt says "told" and `told`.', ["told", "told"]),
        ("docs/a.md", "Tested by `tests/a.py::test_who_is_told`.", []),
        ("a.html", "{{ _('You are told') }}{% trans n=told %}was told {{ n }}{% endtrans %}", ["told"]),
        ("a.html", "{% for one in all %}", ["for one in"]),
        ("a.js", "E('p', _('It\\'s told'), told)", ["told"]),
        ("gateway/told.py", "", ["told"]),
    ],
)
def test_other_files(name: str, text: str, words: list[str]) -> None:
    assert [word for _, word in found(name, text)] == words


def test_lines_are_those_of_the_file() -> None:
    text = 'a = _(\n    "told"\n)\n# "told"\nb = "told"\n'
    assert found("gateway/a.py", text) == [(5, "told")]


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("gateway/store/migrations.py", 'db.create({"told": str})', []),
        ("gateway/store/migrations.py", 'x = "told, name"', []),
        ("gateway/store/migrations.py", "x = f(y, told, told == 1)", ["told", "told"]),
        ("gateway/store/migrations.py", 'x = "told_gates"', ["told"]),
        ("gateway/store/migrations.py", '"""Names told by a device."""', ["told"]),
        ("gateway/store/migrations.py", 'x = "mend"', ["mend"]),
        ("gateway/features/requests/views.py", "x = f(told=error.fix)", []),
        ("gateway/features/requests/views.py", "told = error.fix", ["told"]),
        ("gateway/control/contract/requests.py", "class A:\n    told: str", []),
        ("gateway/features/requests/views.py", "x = request.told", []),
        ("gateway/features/requests/views.py", "def f(told: str, x): pass", ["told"]),
        ("gateway/control/README.md", "`told`: `{told, name}`. It is told.", ["told"]),
        ("gateway/store/other.py", 'x = "told"', ["told"]),
    ],
)
def test_wire_names_of_a_file(name: str, text: str, words: list[str]) -> None:
    assert [word for _, word in found(name, text)] == words


@pytest.mark.parametrize(("name", "word"), [(name, word) for name in WIRE_NAMES for word in WIRE_NAMES[name]])
def test_wire_names_are_in_use(name: str, word: str) -> None:
    assert word in (ROOT / name).read_text("utf-8")


def test_what_is_printed() -> None:
    hit = Hit(Path("gateway/a.py"), 3, "mend")
    assert str(hit) == "gateway/a.py:3: mend → fix, repair or restore"
    assert str(Hit(Path("gateway/told.py"), 0, "told")).startswith("gateway/told.py: file name: told → ")
    lines = [line.split() for line in totals([hit, hit, Hit(Path("docs/a.md"), 1, "told")]).splitlines()]
    assert lines[1:] == [
        ["docs", "1", "0", "0", "0", "0", "1"],
        ["gateway", "0", "2", "0", "0", "0", "2"],
        ["all", "1", "2", "0", "0", "0", "3"],
    ]
