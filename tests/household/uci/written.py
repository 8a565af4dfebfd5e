"""UCI's text as `uci export` writes it, for the tests of its reader."""

from __future__ import annotations

from collections.abc import Iterable

from gateway.household.uci import Section


def written(sections: Iterable[Section]) -> str:
    lines: list[str] = []
    for one in sections:
        lines.append(f"\nconfig {one.type}{f' {quoted(one.name)}' if one.name else ''}")
        for name, option in one.options.items():
            word = "list" if option.is_list else "option"
            lines += [f"\t{word} {name} {quoted(value.text)}" for value in option.values]
    return "\n".join(lines) + "\n"


def quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
