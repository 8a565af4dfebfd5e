"""What is on the pages of a child, text by text, at one reading level; and how hard a text is to read.

The measure is ours and simple, so that it says the same of English, Russian and Kazakh: how many words a
sentence has, and how many of its words are long.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, nodes

from tests.words.catalogues import ROOT, read
from webui.language.levels import ReadingLevel

TEMPLATES = ROOT / "webui" / "templates"
SPOKEN = {"_", "gettext", "ngettext", "pgettext"}
# What all pages have around them. It is the home's line, not a text about rules.
AROUND = {
    "base.html", "parts/status.html", "parts/support.html", "parts/icons.html", "parts/foot.html",
    "parts/sheets.html",
}  # fmt: skip
PLACE = re.compile(r"%\(\w+\)[sd]|\{\w+\}")
ENDS = re.compile(r"[.?:;…](?=\s|$)")  # a colon or a semicolon is a place to breathe
LETTERS = re.compile(r"[^\W\d_]+(?:[-’'][^\W\d_]+)*")
LONG = {
    "en": 9,
    "ru": 11,
    "kk": 12,
}  # letters from which on a word is long; about one of seven is in a newspaper


@dataclass(frozen=True)
class Score:
    longest: int  # words of a sentence
    average: float
    long_words: float  # share


def score(texts: Iterator[str] | list[str], language: str) -> Score:
    lengths, words = [], []
    for text in texts:
        for sentence in sentences(text):
            lengths.append(len(sentence.split()))
            words += LETTERS.findall(PLACE.sub(" ", sentence))
    long = sum(len(one) >= LONG[language] for one in words)
    return Score(max(lengths), sum(lengths) / len(lengths), long / len(words))


def sentences(text: str) -> list[str]:
    """A text without its markup, in sentences; what stands for a name is a word."""
    plain = re.sub(r"<[^>]+>", " ", text)
    return [one.strip() for one in ENDS.split(PLACE.sub("Name", plain)) if LETTERS.search(one)]


def translated(texts: list[str], language: str) -> list[str]:
    if language == "en":
        return texts
    found: dict[str, str] = {}
    for message in read(language):
        ids = (message.id,) if isinstance(message.id, str) else message.id
        string = message.string if isinstance(message.string, str) else (message.string or ("",))[-1]
        found |= dict.fromkeys(ids, string)
    return [found[one] for one in texts]


def texts_of(start: tuple[str, ...], level: ReadingLevel, folded: frozenset[str] = frozenset()) -> list[str]:
    """All texts of these templates and of what they include, where ``level`` reads them. ``folded``: parts
    that are there to be read with somebody.
    """
    found: dict[str, None] = {}
    seen: set[str] = set(folded) | AROUND
    queue = [*start]
    while queue:
        name = queue.pop()
        if name in seen:
            continue
        seen.add(name)
        for node in _walk(_parsed(name), level):
            if (
                isinstance(node, nodes.Call)
                and isinstance(node.node, nodes.Name)
                and node.node.name in SPOKEN
            ):
                texts = [one.value for one in node.args if isinstance(one, nodes.Const)]
                spoken = texts[1:] if node.node.name == "pgettext" else texts
                found |= dict.fromkeys(one for one in spoken if isinstance(one, str))
            elif isinstance(node, nodes.Include | nodes.FromImport | nodes.Extends):
                queue += _named(node.template)
    return list(found)


def _named(template: nodes.Expr) -> list[str]:
    if isinstance(template, nodes.Const):
        return [template.value]
    wanted = [one.value for one in template.find_all(nodes.Const) if "%s" in str(one.value)]
    pages = {path.relative_to(TEMPLATES).as_posix() for path in TEMPLATES.rglob("*.html")}
    return [one for one in pages for pattern in wanted if Path(one).match(pattern.replace("%s", "*"))]


def _walk(node: nodes.Node, level: ReadingLevel) -> Iterator[nodes.Node]:
    """What a reader of ``level`` is shown: the other branches of a question about the level are left out."""
    if isinstance(node, nodes.If | nodes.CondExpr):
        says = _says(node.test, level)
        if says is not None:
            yield from _branch(node, level, says=says)
            return
    yield node
    for child in node.iter_child_nodes():
        yield from _walk(child, level)


def _branch(node: nodes.If | nodes.CondExpr, level: ReadingLevel, *, says: bool) -> Iterator[nodes.Node]:
    if isinstance(node, nodes.CondExpr):
        taken: list[Any] = [node.expr1] if says else [node.expr2]
    else:
        taken = node.body if says else [*node.elif_, *node.else_]
    for one in taken:
        if one is not None:
            yield from _walk(one, level)


def _says(test: nodes.Node, level: ReadingLevel) -> bool | None:
    """Of `level == 'little'` and `level != 'little'`; None of anything else."""
    if (
        not isinstance(test, nodes.Compare)
        or not isinstance(test.expr, nodes.Name)
        or test.expr.name != "level"
    ):
        return None
    (operand,) = test.ops
    if not isinstance(operand.expr, nodes.Const):
        return None
    same = operand.expr.value == level.value
    return same if operand.op == "eq" else not same


@cache
def _parsed(name: str) -> nodes.Template:
    reader = Environment(extensions=["jinja2.ext.i18n"])
    reader.policies["ext.i18n.trimmed"] = True
    reader.newstyle_gettext = True  # type: ignore[attr-defined]
    return reader.parse((TEMPLATES / name).read_text("utf-8"))
