"""`make lint`: an object of the daemon gets its parts from its constructor; no other module adds them later.

Two rules, by the syntax tree:

- A class defines all its attributes in ``__init__``, or in a method that ``__init__`` calls.
- A module assigns an attribute of another object only if it defines the class of that object.

The second goes by names: an attribute belongs to each module with a class that defines one of this name. A
name that no class defines belongs to a library.
"""

from __future__ import annotations

import ast
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1] / "gateway"
# Where the second rule applies: not in `wire`, whose modules share the records of one flow, and not in what
# runs in other processes.
PACKAGES = (
    "app", "control", "core", "dataplane", "features", "household", "kernel", "lan", "lists", "metering",
    "path", "policy", "store",
)  # fmt: skip
CONSTRUCTORS = ("__init__", "__post_init__", "__new__")

# Values that another module may change while the object is in use, each with its reason.
STATE: Mapping[str, str] = {
    "copies": "of ListBook: an update drops the sources that are not listed any more",
    "correction": "of WallClock: ClockWatch corrects a wrong clock",
    "offset": "of WallClock: the virtual home moves its time",
    "paused": "of ProbeAssignment: a filter test pauses its own device",
    "probe": "of HomeInterfaces: the interface of a running filter test",
    "reached": "of HostCheck: the report of the tested device",
    "situation": "of Member: VisibleMembers hides a part of it, in a copy",
}


def read(root: Path) -> dict[Path, ast.Module]:
    """Return the syntax trees of all modules of ``root``, by path below it."""
    return {file.relative_to(root): ast.parse(file.read_bytes()) for file in sorted(root.rglob("*.py"))}


def assigned(tree: ast.AST, *, own: bool) -> Iterator[ast.Attribute]:
    """Yield the attributes that code assigns: of ``self`` and ``cls`` (``own``), or of other objects."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            is_own = isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
            if is_own is own:
                yield node


def classes(tree: ast.AST) -> Iterator[ast.ClassDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef))


def is_frozen(node: ast.ClassDef) -> bool:
    """Return whether the attributes of a class cannot be assigned."""
    words = " ".join(map(ast.unparse, (*node.decorator_list, *node.bases)))
    return any(word in words for word in ("frozen=True", "record", "NamedTuple", "Protocol"))


def fields(node: ast.ClassDef) -> set[str]:
    """Return the attributes that the body of a class declares."""
    declared = (item.target for item in node.body if isinstance(item, ast.AnnAssign))
    plain = (target for item in node.body if isinstance(item, ast.Assign) for target in item.targets)
    return {target.id for target in (*declared, *plain) if isinstance(target, ast.Name)}


def constructed(node: ast.ClassDef) -> tuple[set[str], set[str]]:
    """Return the attributes that a class defines at its construction, and the methods that run in it."""
    methods = {item.name: item for item in node.body if isinstance(item, ast.FunctionDef)}
    found, ran, waiting = fields(node), set[str](), list(CONSTRUCTORS)
    while waiting:
        name = waiting.pop()
        if name in ran or name not in methods:
            continue
        ran.add(name)
        found |= {attribute.attr for attribute in assigned(methods[name], own=True)}
        waiting += [
            called.attr
            for called in ast.walk(methods[name])
            if isinstance(called, ast.Attribute) and ast.unparse(called.value) == "self"
        ]
    return found, ran


def defined_late(trees: Mapping[Path, ast.Module]) -> Iterator[str]:
    """Yield a line for each attribute that a class adds to itself after its construction."""
    every = {node.name: node for tree in trees.values() for node in classes(tree)}

    def known(node: ast.ClassDef) -> set[str]:
        bases = (every[base.id] for base in node.bases if isinstance(base, ast.Name) and base.id in every)
        return constructed(node)[0].union(*map(known, bases))

    for path, tree in trees.items():
        for node in classes(tree):
            attributes, ran = known(node), constructed(node)[1]
            for method in node.body:
                if isinstance(method, ast.FunctionDef) and method.name not in ran:
                    for attribute in assigned(method, own=True):
                        if attribute.attr not in attributes:
                            name = f"{node.name}.{attribute.attr}"
                            yield f"{path}:{attribute.lineno}: {name}: define it in __init__"


def assigned_from_outside(trees: Mapping[Path, ast.Module], state: Mapping[str, str]) -> Iterator[str]:
    """Yield a line for each attribute that another module than that of its class assigns."""
    homes: dict[str, set[Path]] = defaultdict(set)
    for path, tree in trees.items():
        for node in classes(tree):
            if not is_frozen(node):
                for name in fields(node) | {attribute.attr for attribute in assigned(node, own=True)}:
                    homes[name].add(path)
    used = set()
    for path, tree in trees.items():
        for attribute in assigned(tree, own=False):
            if path.parts[0] not in PACKAGES or path in homes.get(attribute.attr, {path}):
                continue
            used.add(attribute.attr)
            if attribute.attr not in state:
                place = f"{path}:{attribute.lineno}: {ast.unparse(attribute)}"
                yield f"{place}: make it an argument of the constructor, or list its reason in STATE"
    for name in sorted(state.keys() - used):
        yield f"{name}: remove it from STATE. No other module assigns it."


def report(trees: Mapping[Path, ast.Module], state: Mapping[str, str]) -> list[str]:
    return [*defined_late(trees), *assigned_from_outside(trees, state)]


def main() -> int:
    lines = report(read(ROOT), STATE)
    print("\n".join(lines) or "no object gets an attribute after its construction")
    return int(bool(lines))


if __name__ == "__main__":
    sys.exit(main())
