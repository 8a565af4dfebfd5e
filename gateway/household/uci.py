"""Parses UCI, the format of OpenWrt's settings (`/etc/config/NAME`), into values with file and line.

The grammar follows libuci (file.c):

- Each line has one command: `package`, `config`, `option`, `list`, or its first letter.
- A word is unquoted, in single quotes or in double quotes. Adjacent parts without a space form one word.
- A backslash escapes any character, except in single quotes. At the end of a line it joins lines.
- A quoted word may span lines.
- An unquoted `#` starts a comment.
- A section that appears again under its name continues.
- The last value of an option counts. If `list` follows `option`, the option's value is the first item.

One rule is stricter than libuci: a `;` outside quotes is an error, because libuci may lose the text after it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import NoReturn

from gateway.policy.yaml.fields import Place, shown

MAX_BYTES = 65_536  # Qalqan's file has 1 kB, that of a large firewall 30 kB
MAX_SECTIONS = 512  # limits memory: a section takes about 1 kB, a value 300 bytes
MAX_VALUES = 4_096
MAX_WORD = 4_096  # characters; the maximum length of a path

COMMANDS = ("package", "config", "option", "list")
_LETTERS = {command[0]: command for command in COMMANDS}
_SPACE = " \t\n\r\v\f"
_NAME = re.compile(r"\w+", re.ASCII)
_PACKAGE = re.compile(r"[\w-]+", re.ASCII)
_TYPE = re.compile(r"[!-~]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Value:
    place: Place
    text: str


@dataclass(frozen=True, slots=True)
class Option:
    place: Place
    values: tuple[Value, ...]  # one for an option, the items for a list
    is_list: bool

    @property
    def text(self) -> str:
        """Return the text that `uci get` prints: a list's items with spaces between them."""
        return " ".join(value.text for value in self.values)


@dataclass(frozen=True, slots=True)
class Section:
    place: Place
    type: str
    name: str  # empty: unnamed
    options: Mapping[str, Option]


@dataclass(frozen=True, slots=True)
class Package:
    """A parsed UCI file: its sections, in order."""

    file: str
    sections: tuple[Section, ...]

    def named(self, name: str) -> Section | None:
        return next((section for section in self.sections if section.name == name), None)

    def of_type(self, kind: str) -> tuple[Section, ...]:
        return tuple(section for section in self.sections if section.type == kind)


def parse_uci(source: str | bytes, file: str) -> Package:
    """Return the sections and options in UCI text. Raises PolicyError for invalid text.

    ``file``: the name in errors.
    """
    text = _decoded(source, file)
    reader = _Reader(text, file)
    building = _Building(file)
    while (line := reader.command()) is not None:
        building.take(line)
    return building.package()


def _decoded(source: str | bytes, file: str) -> str:
    whole = Place(file, 1, "")
    try:
        data = source.encode() if isinstance(source, str) else source
        text = data.decode("utf-8")
    except (UnicodeDecodeError, UnicodeEncodeError):
        whole.refuse("is not UTF-8 text", "save the file as UTF-8")
    if len(data) > MAX_BYTES:
        whole.refuse(f"has {len(data)} bytes, more than {MAX_BYTES}", "remove what is not needed")
    if "\0" in text:
        at = Place(file, text.count("\n", 0, text.index("\0")) + 1, "")
        at.refuse("holds a NUL character", "save the file as plain UTF-8 text")
    return text


@dataclass(frozen=True, slots=True)
class _Line:
    """A command and its words, each with the number of its first line."""

    place: Place
    command: str
    words: tuple[Value, ...]


class _Reader:
    """Splits UCI text into commands and words."""

    def __init__(self, text: str, file: str) -> None:
        self._text, self._file = text, file
        self._at = 0
        self._line = 1

    def command(self) -> _Line | None:
        """Return the next command with its words; None at the end of the text.

        Raises PolicyError for an unknown command, or a word that is invalid or too long.
        """
        while True:
            self._skip(_SPACE)
            if self._next() != "#":
                break
            self._skip_line()
        if not self._next():
            return None
        place = self._place()
        start = self._at
        while self._next() not in ("", *_SPACE):
            self._at += 1
        written = self._text[start : self._at]
        command = _LETTERS.get(written, written)
        if command not in COMMANDS:
            place.refuse(f"{shown(written)} is no command", f"begin the line with {', '.join(COMMANDS)} or #")
        return _Line(place, command, self._words())

    def _words(self) -> tuple[Value, ...]:
        """Return the words up to the end of the line."""
        words: list[Value] = []
        while True:
            self._skip(" \t\r\v\f")
            if self._next() == "#":
                self._skip_line()
            if self._next() in ("", "\n"):
                return tuple(words)
            place = self._place()
            words.append(Value(place, self._word(place)))

    def _word(self, place: Place) -> str:
        parts: list[str] = []
        size = 0
        while (char := self._next()) not in ("", "#", *_SPACE):
            if char == ";":
                self._place().refuse(
                    "has a ';' outside quotes", "put each command on its own line, or the value in quotes"
                )
            part = self._quoted(char) if char in "'\"" else self._plain()
            parts.append(part)
            size += len(part)
            if size > MAX_WORD:
                place.refuse(f"has a value of more than {MAX_WORD} characters", "shorten it")
        return "".join(parts)

    def _plain(self) -> str:
        """Return the next character of an unquoted word; a backslash escapes it."""
        char = self._take()
        if char != "\\":
            return char
        return self._escaped()

    def _escaped(self) -> str:
        if self._text.startswith("\r\n", self._at):
            self._take()
        char = self._take()
        return "" if char == "\n" else char

    def _quoted(self, quote: str) -> str:
        opened = self._place()
        self._at += 1
        parts: list[str] = []
        while True:
            char = self._take()
            if char == quote:
                return "".join(parts)
            if not char:
                opened.refuse(f"opens a quote that nothing closes: {quote}", f"close it with {quote}")
            parts.append(self._escaped() if char == "\\" and quote == '"' else char)

    def _next(self) -> str:
        return self._text[self._at : self._at + 1]

    def _take(self) -> str:
        char = self._next()
        self._at += len(char)
        self._line += char == "\n"
        return char

    def _skip(self, what: str) -> None:
        while (char := self._next()) and char in what:
            self._take()

    def _skip_line(self) -> None:
        end = self._text.find("\n", self._at)
        self._at = len(self._text) if end < 0 else end

    def _place(self) -> Place:
        return Place(self._file, self._line, "")


class _Building:
    """Builds the sections and options from the commands."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._sections: list[Section] = []
        self._options: list[dict[str, Option]] = []  # by section
        self._open: int | None = None  # index of the section that gets the next options
        self._values = 0

    def package(self) -> Package:
        pairs = zip(self._sections, self._options, strict=True)
        return Package(
            self._file,
            tuple(replace(section, options=MappingProxyType(options)) for section, options in pairs),
        )

    def take(self, line: _Line) -> None:
        if line.command == "package":
            self._package(line)
        elif line.command == "config":
            self._section(line)
        else:
            self._option(line, is_list=line.command == "list")

    def _package(self, line: _Line) -> None:
        """Check the `package` command, and ignore its name: the file name counts.

        Raises PolicyError for an invalid name, or if a section is before it.
        """
        (name,) = _taken(line, 1, 1)
        if _PACKAGE.fullmatch(name.text) is None:
            line.place.refuse(f"{shown(name.text)} is no package's name", "use a-z, 0-9, _ and -")
        if self._sections:
            line.place.refuse("begins a second package", "keep one package a file")

    def _section(self, line: _Line) -> None:
        kind, *rest = _taken(line, 1, 2)
        if _TYPE.fullmatch(kind.text) is None:
            line.place.refuse(f"{shown(kind.text)} is no section's type", "use letters, digits and _")
        name = rest[0].text if rest else ""
        if name and _NAME.fullmatch(name) is None:
            line.place.refuse(f"{shown(name)} is no section's name", "use letters, digits and _")
        known = next((at for at, section in enumerate(self._sections) if name and section.name == name), None)
        if known is None:
            if len(self._sections) >= MAX_SECTIONS:
                line.place.refuse(f"is one section more than {MAX_SECTIONS}", "take some out")
            known = len(self._sections)
            self._sections.append(Section(line.place._replace(path=name), kind.text, name, {}))
            self._options.append({})
        elif self._sections[known].type != kind.text:
            first = self._sections[known].place.line
            line.place.refuse(f"{shown(name)} has another type on line {first}", "keep one of the two")
        self._open = known

    def _option(self, line: _Line, *, is_list: bool) -> None:
        if self._open is None:
            line.place.refuse(
                f"the {line.command} is of no section", "put a line 'config TYPE NAME' above it"
            )
        name, *rest = _taken(line, 1, 2)
        if _NAME.fullmatch(name.text) is None:
            line.place.refuse(f"{shown(name.text)} is no option's name", "use letters, digits and _")
        section = self._sections[self._open].name or f"@{self._sections[self._open].type}"
        place = line.place._replace(path=f"{section}.{name.text}")
        value = Value(place, rest[0].text if rest else "")
        self._values += 1
        if self._values > MAX_VALUES:
            place.refuse(f"is one value more than {MAX_VALUES}", "take some out")
        options = self._options[self._open]
        before = options.get(name.text)
        if is_list and before is not None:
            options[name.text] = Option(before.place, (*before.values, value), is_list=True)
        else:
            options[name.text] = Option(place, (value,), is_list)


def _taken(line: _Line, least: int, most: int) -> tuple[Value, ...]:
    """Return the words of a command; raise PolicyError unless there are ``least`` to ``most``.

    The first must not be empty; empty words beyond ``most`` are ignored.
    """
    if len(line.words) < least or not line.words[0].text:
        _refuse_short(line)
    for word in line.words[most:]:
        if word.text:
            line.place.refuse(f"has {shown(word.text)} after its end", "put a value with spaces in quotes")
    return line.words[:most]


def _refuse_short(line: _Line) -> NoReturn:
    needs = {"package": "NAME", "config": "TYPE 'NAME'"}.get(line.command, "NAME 'VALUE'")
    line.place.refuse(f"'{line.command}' is not all", f"write it as: {line.command} {needs}")
