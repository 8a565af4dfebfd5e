"""The words of LuCI's pages: template and catalogues of openwrt/luci-app-qalqan/po, made of the code.

As LuCI's own build does it: `_()` of views, titles of the menu, what the ACL is about. Part of `make words`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from io import BytesIO

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.pofile import read_po, write_po

from tests.openwrt.luci.running import APP
from tests.words.catalogues import ADDRESS, LANGUAGES

TEMPLATE = APP / "po/templates/qalqan.pot"
HEADER = b'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8"\n'
"""Of a template, as LuCI has it."""

HEAD = """# {about} of the router's own pages (LuCI).
# No native reader has checked it yet. Parents are told "{parent}". %s and %d stay in their order.
"""
ABOUT = {"ru": "Russian", "kk": "Kazakh"}

_TITLE = re.compile(r'"(?:title|description)":\s*"([^"\\]+)"')
_CODE = re.compile(r"%[sd]")


def messages() -> list[tuple[str, str, int]]:
    """What is said, where and on which line; each once, where it stands first."""
    found: dict[str, tuple[str, str, int]] = {}
    for path, line, text in sorted(_found()):
        found.setdefault(text, (text, path, line))
    return sorted(found.values(), key=lambda one: one[1:])


def _found() -> Iterator[tuple[str, int, str]]:
    for path in (*APP.rglob("view/**/*.js"), *APP.rglob("menu.d/*.json"), *APP.rglob("acl.d/*.json")):
        name = path.relative_to(APP.parents[1]).as_posix()
        if path.suffix == ".js":
            with path.open("rb") as file:
                for line, text, _, _ in extract("javascript", file, {"_": None}):
                    yield name, line, str(text)
        else:
            for number, text in enumerate(path.read_text().splitlines(), 1):
                yield from ((name, number, one) for one in _TITLE.findall(text))


def template() -> bytes:
    return HEADER + _written(Catalog(), {})


def po(language: str) -> str:
    return f"po/{language}/qalqan.po"


def kept(language: str) -> dict[str, str]:
    path = APP / po(language)
    if not path.exists():
        return {}
    with path.open("rb") as file:
        return {str(one.id): str(one.string) for one in read_po(file) if one.id}


def updated(language: str) -> bytes:
    """With what was translated; what the code says no more is left out, what is new is empty."""
    parent, _ = ADDRESS[language]
    head = HEAD.format(about=ABOUT[language], parent=parent).encode()
    fields = f'"Language: {language}\\n"\n"Content-Type: text/plain; charset=UTF-8\\n"\n'.encode()
    return head + b'msgid ""\nmsgstr ""\n' + fields + _written(Catalog(), kept(language))


def _written(catalogue: Catalog, translated: dict[str, str]) -> bytes:
    for text, path, _ in messages():
        catalogue.add(text, translated.get(text, ""), [(path, 1)])
    file = BytesIO()
    write_po(file, catalogue, width=0, omit_header=True, include_lineno=False)
    return b"\n" + file.getvalue().strip(b"\n") + b"\n"


def faults(language: str) -> list[str]:
    """What a person has to correct in a catalogue, one line each."""
    told = kept(language)
    missing = [f"{text}: is not translated" for text, *_ in messages() if not told.get(text)]
    wrong = [
        f"{text}: holds other values"
        for text, said in told.items()
        if said and _CODE.findall(text) != _CODE.findall(said)
    ]
    return missing + wrong


def main() -> int:
    TEMPLATE.write_bytes(template())
    waiting = 0
    for language in LANGUAGES:
        path = APP / po(language)
        path.write_bytes(updated(language))
        found = faults(language)
        waiting += len(found)
        print(f"{path.relative_to(APP.parents[1])}: {len(found) or 'nothing'} to correct")
        for fault in found:
            print(f"  {fault}")
    return 1 if waiting else 0


if __name__ == "__main__":
    sys.exit(main())
