"""UCI's text as libuci reads it; its writer and netjsonconfig's agree with the reader."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from netjsonconfig import OpenWrt

from gateway.core.errors import PolicyError
from gateway.household.uci import MAX_BYTES, MAX_SECTIONS, MAX_VALUES, Option, Section, Value, parse_uci
from gateway.policy.yaml.fields import Place
from tests.household.uci.written import written
from tests.policy.homes import refusal

Said = list[tuple[str, str, dict[str, str | list[str]]]]
"""Of each section its type, its name and what it says."""

NOWHERE = Place("", 1, "")


def said(source: str | bytes) -> Said:
    read = parse_uci(source, "/etc/config/qalqan")
    return [
        (one.type, one.name, {key: plain(option) for key, option in one.options.items()})
        for one in read.sections
    ]


def plain(option: Option) -> str | list[str]:
    return [one.text for one in option.values] if option.is_list else option.text


def option(text: str) -> str | list[str]:
    """The one option of a section that has no more."""
    ((_, _, options),) = said(f"config web 'web'\n{text}\n")
    (value,) = options.values()
    return value


def test_a_file_as_uci_writes_it() -> None:
    text = """
config qalqan 'main'
	option enabled '1'
	list lan 'br-lan'
	list lan 'br-guest'

config web 'web'
	option port '8080'

config system
	option zonename 'Asia/Almaty'
"""
    assert said(text) == [
        ("qalqan", "main", {"enabled": "1", "lan": ["br-lan", "br-guest"]}),
        ("web", "web", {"port": "8080"}),
        ("system", "", {"zonename": "Asia/Almaty"}),
    ]


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("option port 8080", "8080"),
        ("option port '8080'", "8080"),
        ('option port "8080"', "8080"),
        ("o port 8080", "8080"),
        ("l port 8080", ["8080"]),
        ("\toption\tport\t8080\t", "8080"),
        ("option port 8080 # the usual one", "8080"),
        ("option port 8080# the usual one", "8080"),
        ("option 'port' 8080", "8080"),
        ("option port '80'80", "8080"),
        ("option port '80'\"80\"", "8080"),
        ("option name 'Mum'\\''s'", "Mum's"),
        ('option name "Mum\'s"', "Mum's"),
        ('option name "a \\"b\\" \\c"', 'a "b" c'),
        ("option name 'a \"b\" \\c'", 'a "b" \\c'),
        ("option name a\\ b", "a b"),
        ("option name 'a#b;c'", "a#b;c"),
        ("option port 80\\\n80", "8080"),
        ("option port 80\\\r\n80", "8080"),
        ('option port "80\\\n80"', "8080"),
        ("option name 'a\n  b'", "a\n  b"),
        ("option port", ""),
        ("option port ''", ""),
        ("option port 80 ''", "80"),
        ("option port 8080\r", "8080"),
        ("option name Қамқор", "Қамқор"),
        ("option port 80\noption port 8080", "8080"),
        ("option lan a\nlist lan b", ["a", "b"]),
        ("list lan a\noption lan b", "b"),
    ],
)
def test_how_a_value_is_written(line: str, value: str | list[str]) -> None:
    assert option(line) == value


def test_what_is_no_value() -> None:
    assert said("") == said("\n# nothing\n   \n") == []
    assert said("package qalqan\n\nconfig web web\n") == [("web", "web", {})]
    assert said("p qalqan\nc web web\n# end") == [("web", "web", {})]


def test_a_section_that_comes_again_goes_on() -> None:
    text = "config web web\noption port 80\nconfig x y\nconfig web web\noption listen ''\noption port 81\n"
    assert said(text) == [("web", "web", {"port": "81", "listen": ""}), ("x", "y", {})]


def test_sections_without_a_name_stay_apart() -> None:
    assert said("config rule\noption a 1\nconfig rule\noption a 2\n") == [
        ("rule", "", {"a": "1"}),
        ("rule", "", {"a": "2"}),
    ]


def test_where_things_stand() -> None:
    read = parse_uci("config web 'web'\n# port\noption port '80\n80'\nlist lan a\nlist lan b\n", "f")
    web = read.named("web")
    assert web is not None
    assert web.place == Place("f", 1, "web")
    assert web.options["port"].place == Place("f", 3, "web.port")
    assert [one.place.line for one in web.options["lan"].values] == [5, 6]
    assert read.named("main") is None
    assert read.of_type("web") == (web,)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("port 80", ":1: 'port' is no command; begin the line with package, config, option, list or #"),
        ("'config' web", ":1: ''config'' is no command"),
        ("option port 80", ":1: the option is of no section; put a line 'config TYPE NAME' above it"),
        ("config", ":1: 'config' is not all; write it as: config TYPE 'NAME'"),
        ("config ''", ":1: 'config' is not all"),
        ("config web\noption", ":2: 'option' is not all; write it as: option NAME 'VALUE'"),
        ("config web web more", ":1: has 'more' after its end; put a value with spaces in quotes"),
        ("config web\noption name My ISP", ":2: has 'ISP' after its end"),
        ("config web\noption port 80 \\\n 81", ":2: has '81' after its end"),
        ("config web 'my web'", ":1: 'my web' is no section's name; use letters, digits and _"),
        ("config 'my web'", ":1: 'my web' is no section's type"),
        ("config web\noption my-port 80", ":2: 'my-port' is no option's name"),
        ("config web web\nconfig xyz web", ":2: 'web' has another type on line 1; keep one of the two"),
        ("config web\n\noption a 'b\n", ":3: opens a quote that nothing closes: '; close it with '"),
        ('config web\noption a "b\\"', ':2: opens a quote that nothing closes: "'),
        ("config web;option port 80", ":1: has a ';' outside quotes; put each command on its own line"),
        ("package a/b", ":1: 'a/b' is no package's name"),
        ("config web\npackage b", ":2: begins a second package; keep one package a file"),
        ("config web\n\noption a '\0'", ":3: holds a NUL character"),
        (b"\xff", ":1: is not UTF-8 text; save the file as UTF-8"),
        ("#" * (MAX_BYTES + 1), f":1: has {MAX_BYTES + 1} bytes, more than {MAX_BYTES}"),
        ("config a\n" * (MAX_SECTIONS + 1), f":{MAX_SECTIONS + 1}: is one section more than {MAX_SECTIONS}"),
        (
            "config a\n" + "list b c\n" * (MAX_VALUES + 1),
            f":{MAX_VALUES + 2}: @a.b: is one value more than {MAX_VALUES}",
        ),
        (f"config a\noption b {'c' * 4097}", ":2: has a value of more than 4096 characters"),
        (f"config a\noption b '{'c' * 4097}'", ":2: has a value of more than 4096 characters"),
    ],
)
def test_what_is_refused(text: str | bytes, says: str) -> None:
    with pytest.raises(PolicyError) as refused:
        parse_uci(text, "/etc/config/qalqan")
    assert str(refused.value).startswith(f"/etc/config/qalqan{says}")
    assert "\n" not in str(refused.value)


names = st.text("abcXYZ019_", min_size=1, max_size=8)
texts = st.text(max_size=20).filter(lambda text: "\0" not in text and text.isascii())
words = st.one_of(texts, st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=10))


def options_of(values: st.SearchStrategy[str]) -> st.SearchStrategy[dict[str, str | list[str]]]:
    return st.dictionaries(names, st.one_of(values, st.lists(values, min_size=1, max_size=3)), max_size=4)


def section(kind: str, name: str, options: Mapping[str, str | list[str]]) -> Section:
    made = {
        key: Option(NOWHERE, tuple(Value(NOWHERE, one) for one in value), is_list=True)
        if isinstance(value, list)
        else Option(NOWHERE, (Value(NOWHERE, value),), is_list=False)
        for key, value in options.items()
    }
    return Section(NOWHERE, kind, name, made)


@given(
    st.dictionaries(names, st.tuples(names, options_of(words)), max_size=4),
    st.lists(st.tuples(names, options_of(words)), max_size=2),
)
@settings(max_examples=80, deadline=None)
def test_what_uci_writes_reads_the_same(
    named: dict[str, tuple[str, dict[str, str | list[str]]]],
    nameless: list[tuple[str, dict[str, str | list[str]]]],
) -> None:
    sections: Said = [(kind, name, options) for name, (kind, options) in named.items()]
    sections += [(kind, "", options) for kind, options in nameless]
    assert said(written(section(*one) for one in sections)) == sections


@given(st.one_of(st.text(), st.binary(), st.text("'\"\\\n #;coablistn x", max_size=60)))
@settings(max_examples=150, deadline=None)
def test_any_text_is_read_or_refused_in_one_line(source: str | bytes) -> None:
    assert "\n" not in refusal(lambda: parse_uci(source, "f"))


# netjsonconfig takes quotes out wherever they are, and reads line by line.
simple = st.text("abcXYZ019_-./: ", min_size=1, max_size=12).map(str.strip).filter(bool)
of_ours = st.dictionaries(names, options_of(simple), min_size=1, max_size=4)


@given(of_ours)
@settings(max_examples=60, deadline=None)
def test_another_reader_finds_the_same(sections: dict[str, dict[str, str | list[str]]]) -> None:
    text = written(section("qalqan", name, options) for name, options in sections.items())
    others = OpenWrt.parser(f"package qalqan\n{text}").intermediate_data["qalqan"]
    found = [
        (one[".type"], one[".name"], {key: value for key, value in one.items() if key[0] != "."})
        for one in others
    ]
    assert sorted(found) == sorted(said(text))


@given(of_ours)
@settings(max_examples=20, deadline=None)
def test_what_another_writes_is_read(sections: dict[str, dict[str, str | list[str]]]) -> None:
    blocks = [
        {
            "config_name": "qalqan",
            "config_value": f"s{number}",
            **{f"x_{key}": one for key, one in options.items()},
        }
        for number, options in enumerate(sections.values())
    ]
    text = OpenWrt({"qalqan": blocks}).render(files=False)
    wanted = [
        ("qalqan", f"s{number}", {f"x_{key}": one for key, one in options.items()})
        for number, options in enumerate(sections.values())
    ]
    found = said(text)
    assert [(kind, name, dict(sorted(one.items()))) for kind, name, one in found] == [
        (kind, name, dict(sorted(one.items()))) for kind, name, one in wanted
    ]
