"""Which modules a tree of Python sources imports, and which of OpenWrt's packages hold them."""

from __future__ import annotations

import ast
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

SPLIT = Path(__file__).with_name("split.toml")
LIGHT = "python3-light"
OURS = ("gateway", "webui", "profiles")


@dataclass(frozen=True, slots=True)
class Split:
    stdlib: Mapping[str, str]  # module → package
    others: Mapping[str, str]
    brought: Mapping[str, list[str]]
    absent: frozenset[str]
    optional: Mapping[str, str]
    programs: Mapping[str, str]
    unseen: Mapping[str, str]

    def package(self, module: str) -> str | None:
        """None for one that nobody told of."""
        top = module.partition(".")[0]
        if top in self.stdlib:
            return self.stdlib[top]
        if top in sys.stdlib_module_names and top not in self.absent:
            return LIGHT
        return self.others.get(top)


@cache
def split() -> Split:
    told = tomllib.loads(SPLIT.read_text("utf-8"))
    stdlib = {module: package for package, modules in told["modules"].items() for module in modules}
    absent = frozenset(told["absent"]["modules"])
    return Split(
        stdlib,
        told["others"],
        told["brought"],
        absent,
        told["optional"],
        told["programs"],
        told["unseen"],
    )


def imported(files: Iterable[Path], own: str = "") -> dict[str, str]:
    """Every module that is imported anywhere, inside of functions too, with the file that does it first. What
    type checkers alone read does not count, nor what is done without where it is not there. ``own``: the
    package that the files are of, which is no need of its.
    """
    found: dict[str, str] = {}
    for file in sorted(files):
        for module in _of_nodes(ast.parse(file.read_text("utf-8")).body, lazy=True):
            if module.partition(".")[0] != own:
                found.setdefault(module, str(file))
    return found


def reached(modules: Iterable[str]) -> dict[str, str]:
    """The standard library's modules that come with these, each with what imports it: by the modules' own
    sources, as far as they run at an import.
    """
    found: dict[str, str] = {}
    waiting = [(one, "") for one in modules if one.partition(".")[0] in sys.stdlib_module_names]
    while waiting:
        module, by = waiting.pop()
        if module in found:
            continue
        found[module] = by
        waiting += [(one, module) for one in _brought(module)]
    return found


@cache
def _brought(module: str) -> tuple[str, ...]:
    needs = {module.rpartition(".")[0] or module}
    if source := _source(module):
        needs |= set(_of_nodes(ast.parse(source).body, lazy=False))
    return tuple(sorted(one for one in needs if one.partition(".")[0] in sys.stdlib_module_names))


def _source(module: str) -> str:
    """Empty for what is written in C, and for a name that is no module but something in one."""
    try:
        spec = find_spec(module)
    except (ImportError, ValueError):
        return ""
    origin = spec.origin if spec else None
    return Path(origin).read_text("utf-8") if origin and origin.endswith(".py") else ""


def _of_nodes(nodes: Iterable[ast.stmt], *, lazy: bool) -> Iterator[str]:
    for node in nodes:
        match node:
            case ast.Import():
                yield from (one.name for one in node.names)
            case ast.ImportFrom(level=0, module=str(module)):
                yield module
            case ast.If() if _for_types(node.test):
                yield from _of_nodes(node.orelse, lazy=lazy)
            case ast.If(test=ast.Compare(left=ast.Name(id="__name__"))) if not lazy:
                pass
            case ast.Try() if not lazy and any(map(_forgives, node.handlers)):
                yield from _of_nodes(node.orelse, lazy=lazy)
            case ast.FunctionDef() | ast.AsyncFunctionDef() if not lazy:
                pass
            case ast.Match():
                for one in node.cases:
                    yield from _of_nodes(one.body, lazy=lazy)
            case _:
                for field in ("body", "orelse", "finalbody"):
                    yield from _of_nodes(getattr(node, field, ()), lazy=lazy)
                for handler in getattr(node, "handlers", ()) if lazy else ():
                    yield from _of_nodes(handler.body, lazy=lazy)


def _for_types(test: ast.expr) -> bool:
    return isinstance(test, ast.Name | ast.Attribute) and ast.unparse(test).endswith("TYPE_CHECKING")


def _forgives(handler: ast.ExceptHandler) -> bool:
    return handler.type is None or any(
        name in ast.unparse(handler.type) for name in ("ImportError", "ModuleNotFoundError", "Exception")
    )


def named_programs(files: Iterable[Path]) -> dict[str, str]:
    """Programs and libraries that the sources call by name, with a file that does: literals that stand first
    in a command, in a search for a program, or as a library.
    """
    found: dict[str, str] = {}
    for file in sorted(files):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            for word in _named(node):
                found.setdefault(word, str(file))
    return found


def _named(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Call(func=ast.Name(id="command" | "find_program"), args=[ast.Constant(value=str(word)), *_]):
            yield word
        case ast.Call(
            func=ast.Attribute(attr="run" | "Popen" | "check_output"),
            args=[ast.List(elts=[ast.Constant(value=str(word)), *_]), *_],
        ):
            yield word
        case ast.Constant(value=str(word)) if word.startswith("lib") and ".so." in word and " " not in word:
            yield word
