"""The plugin's text: what ucode and JavaScript have in common, and nothing that ucode reads otherwise.

The stand-in of ucode.js runs JavaScript: what is no ucode, or another thing there, is seen in the text.
"""

from __future__ import annotations

import re

from tests.openwrt.luci.running import PLUGIN

SOURCE = PLUGIN.read_text()
CODE = re.sub(r"//.*|'[^'\n]*'", "''", SOURCE)  # without comments and texts

CORE = {"clock", "index", "int", "join", "json", "length", "push", "sprintf", "substr", "type"}
"""Of ucode's lib.c, with the meanings that the stand-in has."""

MODULES = {
    "fs": {"stat"},
    "uci": {"cursor"},
    "socket": {"create", "poll", "AF_UNIX", "SOCK_STREAM", "SOCK_NONBLOCK", "POLLIN"},
}
"""What the modules have, of lib/fs.c, lib/uci.c and lib/socket.c."""

METHODS = {"get", "connect", "send", "recv", "close"}
"""Of a cursor and a socket; texts, lists and dictionaries have none in ucode."""

ALIEN = {
    "for … in": r"\bfor\s*\([^;)]*\b(?:in|of)\b",  # a list's items in ucode, its places in JavaScript
    "typeof": r"\btypeof\b",
    "undefined": r"\bundefined\b",
    "throw": r"\bthrow\b",
    "new": r"\bnew\b",
    "class": r"\bclass\b",
    "do": r"\bdo\s*\{",
    "async": r"\b(?:async|await|yield)\b",
    "var": r"\bvar\b",
    "property length": r"\.length\b",
    "in": r"\bin\b",
}


def test_it_has_no_word_that_ucode_does_not_have_or_reads_otherwise() -> None:
    found = [name for name, pattern in ALIEN.items() if re.search(pattern, CODE)]
    assert found == []


def test_it_imports_what_is_there() -> None:
    imports = re.findall(r"^import \{ ([^}]+) \} from '(\w+)';$", SOURCE, re.MULTILINE)
    assert len(imports) == SOURCE.count("import ")
    for names, module in imports:
        assert set(names.split(", ")) <= MODULES[module], module


def test_it_calls_what_is_there() -> None:
    own = set(re.findall(r"\bfunction (\w+)\(", CODE)) | {"convert"}
    imported = {name for names in MODULES.values() for name in names}
    words = {"if", "while", "for", "catch", "function", "return"}
    called = set(re.findall(r"(?<![.\w])(\w+)\(", CODE)) - words
    assert called <= own | imported | CORE
    assert set(re.findall(r"\.(\w+)\(", CODE)) <= METHODS


def test_each_function_stands_before_what_calls_it() -> None:
    """ucode looks a name up where it is compiled: a function further down is not there yet."""
    for made in re.finditer(r"\bfunction (\w+)\(", CODE):
        name, place = made[1], made.start(1)
        uses = [one.start() for one in re.finditer(rf"(?<!\.)\b{name}\b(?!\s*:)", CODE)]
        assert min(uses) == place, name


def test_what_divides_is_made_whole() -> None:
    """Of whole numbers ucode makes a whole one, JavaScript does not."""
    divided = re.findall(r"\w+(?:\[\d\])? / \w+", CODE)
    assert divided
    assert divided == re.findall(r"int\((\w+(?:\[\d\])? / \w+)\)", CODE)


def test_it_changes_nothing_beside_the_daemon_s_verbs() -> None:
    verbs = set(re.findall(r"'do': '(\w+)'", SOURCE))
    looks = {"status", "health", "devices"}
    assert verbs == looks | {"pause", "resume", "grant", "revoke", "guardian", "add_profile"}
    changes = re.findall(
        r"\{ 'do': '(?:pause|resume|grant|revoke|add_profile|guardian', action: 'add)'[^}]*\}", SOURCE
    )
    assert len(changes) == 6
    assert set(re.findall(r"'guardian', action: '(\w+)'", SOURCE)) == {"list", "add"}
    assert all("by: ACTOR" in one for one in changes)
