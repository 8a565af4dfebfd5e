"""`make lint`: words of the project's old private English, which docs and code no longer use.

python -m tests.lint_language [--count] [PATH ...]

Quotations and page messages are exempt: blockquotes and quoted text in prose, strings that are passed to the
translation function, and the texts of webui/learn. So are the names of tests in documents, and JSON keys
and columns of the database that other programs and stored data use (``WIRE_NAMES``).
"""

from __future__ import annotations

import argparse
import io
import re
import subprocess
import sys
import tokenize
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
SCOPE = ("gateway", "webui", "openwrt", "debian", "profiles", "docs", "README.md", "CONTRIBUTING.md")
MESSAGES = (".po", ".pot")
MESSAGE_FOLDERS = (Path("webui/learn"),)

INSTEAD = {
    "told": "reported, notified, shown or returned",
    "mend": "fix, repair or restore",
    "whose it is": "owner",
    "what is so": "state; rewrite the sentence",
    "for one in": "the singular of the collection, such as: for device in devices",
}
# Avoided words by file, exempt as a quoted name, a field, a keyword argument, and code in a document.
WIRE_NAMES = {
    "gateway/control/README.md": ("told",),
    "gateway/control/contract/bypass_alerts.py": ("told",),
    "gateway/control/contract/requests.py": ("told",),
    "gateway/control/contract/status.py": ("told",),
    "gateway/features/accounts/verbs.py": ("told",),
    "gateway/features/bypass_alerts/verbs.py": ("told",),
    "gateway/features/requests/views.py": ("told",),
    "gateway/store/migrations.py": ("told",),
    "gateway/store/tables/people.py": ("told",),
    "gateway/web/age_proof.py": ("told",),
    "webui/features/requests/requests_text.py": ("told",),
    "webui/features/status/announcement_text.py": ("told",),
    "webui/templates/child/ways.html": ("told",),
    "webui/wallet.py": ("told",),  # a key of the output of gateway/web/age_proof.py
}
_WIRE = re.compile(r'(?<!")"[^"\n]+"(?!")|`[^`\n]+`|(?<![\w.])\w+=(?!=)|^ +\w+: |(?<=\w)\.\w+', re.MULTILINE)
_WORDS = {
    # A phrase may be wrapped; then the comment's mark is between its words.
    word: re.compile(r"(?<![a-z0-9])" + r"[\s#]+".join(word.split()) + r"(?![a-z0-9])")
    for word in INSTEAD
}
# Between the words of an identifier: told_gates, toldGates, HTTPTold.
_JOINTS = re.compile(r"_|(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")

_STRING = r"""(?:'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")"""
_TRANSLATED = re.compile(
    rf"(?<![\w.])(?:_|N_|n?p?gettext)\(\s*({_STRING}(?:\s*,?\s*{_STRING})*)"
    r"|\{%-?\s*trans\b[^%]*%\}(.*?)\{%-?\s*endtrans\s*-?%\}",
    re.DOTALL,
)
_QUOTED = re.compile(r"^\s*>.*$|\"[^\"\n]*\"|“[^”]*”|«[^»]*»", re.MULTILINE)
_TEST = re.compile(r"`tests/[^`\n]*`")  # a document may name a test; tests are not checked


@dataclass(frozen=True, slots=True)
class Hit:
    path: Path  # from the root of the repository
    line: int  # 0: in the path itself
    word: str

    def __str__(self) -> str:
        where = f"{self.path}:{self.line}" if self.line else f"{self.path}: file name"
        return f"{where}: {self.word} → {INSTEAD[self.word]}"


def hits(path: Path, text: str) -> Iterator[Hit]:
    """Yield each avoided word of a file in the order of its lines, after those of its name."""
    for _, word in _found(str(path)):
        yield Hit(path, 0, word)
    for line, word in sorted(_found(_without_exempt(path, text))):
        yield Hit(path, line, word)


def _found(text: str) -> Iterator[tuple[int, str]]:
    plain = _JOINTS.sub(" ", text).lower()
    for word, pattern in _WORDS.items():
        for match in pattern.finditer(plain):
            yield plain.count("\n", 0, match.start()) + 1, word


def _without_exempt(path: Path, text: str) -> str:
    """Return ``text`` with quotations, page messages and wire names blanked; every line keeps its number."""
    text = _without_wire_names(str(path), _TRANSLATED.sub(_blank_groups, text))
    if path.suffix == ".md":
        text = _TEST.sub(lambda match: _blank(match[0]), text)
        return _QUOTED.sub(lambda match: _blank(match[0]), text)
    return _without_quotations_of_prose(text) if path.suffix == ".py" else text


def _without_wire_names(path: str, text: str) -> str:
    if path not in WIRE_NAMES:
        return text
    name = re.compile(rf"\b(?:{'|'.join(WIRE_NAMES[path])})\b")
    return _WIRE.sub(lambda place: name.sub(lambda match: _blank(match[0]), place[0]), text)


def _without_quotations_of_prose(source: str) -> str:
    """Return Python with the quotations in its comments and docstrings blanked."""
    lines = source.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    found = list(source)
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        docstring = token.type == tokenize.STRING and token.string.startswith('"""')
        if docstring or token.type == tokenize.COMMENT:
            inside = token.string[3:-3] if docstring else token.string
            start = starts[token.start[0] - 1] + token.start[1] + (3 if docstring else 0)
            blanked = _QUOTED.sub(lambda match: _blank(match[0]), inside)
            found[start : start + len(inside)] = blanked
    return "".join(found)


def _blank_groups(match: re.Match[str]) -> str:
    whole, start = match[0], match.start()
    for number in (1, 2):
        if match[number] is not None:
            at = match.start(number) - start
            whole = whole[:at] + _blank(match[number]) + whole[at + len(match[number]) :]
    return whole


def _blank(text: str) -> str:
    return re.sub(r"[^\n]", " ", text)


def texts(scope: Iterable[str]) -> Iterator[tuple[Path, str]]:
    """Yield the text files that git tracks below ``scope``, with their contents."""
    argv = ["git", "ls-files", "-z", "--", *scope]
    listed = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        path = Path(name)
        exempt = path.suffix in MESSAGES or any(folder in path.parents for folder in MESSAGE_FOLDERS)
        if (exempt and path.suffix != ".py") or (ROOT / path).is_symlink() or not (ROOT / path).exists():
            continue
        try:
            yield path, (ROOT / path).read_text("utf-8")
        except UnicodeDecodeError:  # a picture or a compiled catalogue
            continue


def totals(found: Iterable[Hit]) -> str:
    """Return a table of the hits by folder and word."""
    counts = Counter((hit.path.parts[0], hit.word) for hit in found)
    folders = sorted({folder for folder, _ in counts})
    rows = [["", *INSTEAD, "all"]]
    rows += [_row(folder, [counts[folder, word] for word in INSTEAD]) for folder in folders]
    rows.append(_row("all", [sum(counts[folder, word] for folder in folders) for word in INSTEAD]))
    return "\n".join("  ".join(f"{cell:>11}" for cell in row) for row in rows)


def _row(name: str, counts: list[int]) -> list[str]:
    return [name, *map(str, counts), str(sum(counts))]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.lint_language")
    parser.add_argument("--count", action="store_true", help="print totals per folder only")
    parser.add_argument("paths", nargs="*", default=SCOPE, help="files or folders; default: the product")
    args = parser.parse_args()
    found = [hit for path, text in texts(args.paths) for hit in hits(path, text)]
    if args.count:
        print(totals(found))
    else:
        print("\n".join(map(str, found)) or "no avoided words")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
