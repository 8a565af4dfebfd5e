"""Reads and writes UCI files, and stands in for the command `uci`, which here needs no `commit`.

python -m tests.fleet.uci [-q] [-c FOLDER] get|set|delete|commit WHAT
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gateway.household.uci import parse_uci

Options = dict[str, str | tuple[str, ...]]


@dataclass(slots=True)
class UciSection:
    type: str
    options: Options = field(default_factory=dict)


def read_uci(path: Path) -> dict[str, UciSection]:
    """Return the sections by name; unnamed ones by their number. Empty without a file."""
    if not path.exists():
        return {}
    found = {}
    for number, section in enumerate(parse_uci(path.read_bytes(), str(path)).sections):
        options: Options = {
            name: tuple(value.text for value in option.values) if option.is_list else option.text
            for name, option in section.options.items()
        }
        found[section.name or f"@{number}"] = UciSection(section.type, options)
    return found


def write_uci(path: Path, sections: Mapping[str, UciSection]) -> None:
    lines = []
    for name, section in sections.items():
        lines.append(f"\nconfig {section.type}{'' if name.startswith('@') else f' {_quoted(name)}'}")
        for option, value in section.options.items():
            word = "option" if isinstance(value, str) else "list"
            lines += [f"\t{word} {option} {_quoted(text)}" for text in _values(value)]
    path.write_text("\n".join(lines) + "\n")


def _values(value: str | tuple[str, ...]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else value


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def main() -> int:
    parser = argparse.ArgumentParser(prog="uci")
    parser.add_argument("-q", action="store_true")
    parser.add_argument("-c", dest="folder", type=Path, default=Path("/etc/config"))
    parser.add_argument("action", choices=("get", "set", "delete", "commit"))
    parser.add_argument("what")
    given = parser.parse_args()
    if given.action == "commit":
        return 0
    name, _, value = given.what.partition("=")
    package, section, option = name.split(".")
    sections = read_uci(given.folder / package)
    options = sections[section].options if section in sections else None
    if options is None or (given.action != "set" and option not in options):
        return 1
    if given.action == "get":
        print(*_values(options[option]))
        return 0
    if given.action == "set":
        options[option] = value
    else:
        del options[option]
    write_uci(given.folder / package, sections)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
