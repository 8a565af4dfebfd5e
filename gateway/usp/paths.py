"""Path names of USP's data models: objects end with a dot, and ``*`` stands for any instance number."""

from __future__ import annotations

PATH_LIMIT = 256  # characters (TR-106, section 3.3)


def is_plain(path: str) -> bool:
    """Return whether a path has neither search expressions nor references to follow."""
    return 0 < len(path) <= PATH_LIMIT and not set(path) & set("[]+# ")


def is_object(path: str) -> bool:
    return path.endswith(".")


def split_parameter(path: str) -> tuple[str, str]:
    """Return the object's path and the name of a parameter or command."""
    head, _, name = path.rpartition(".")
    return f"{head}.", name


def is_same(path: str, pattern: str) -> bool:
    """Return whether ``pattern``, which may have ``*``, names ``path``."""
    parts, wanted = path.split("."), pattern.split(".")
    return len(parts) == len(wanted) and _agree(parts, wanted)


def is_below(path: str, pattern: str) -> bool:
    """Return whether ``pattern`` names ``path`` or an object that contains it."""
    parts, wanted = path.split("."), pattern.split(".")
    if is_object(pattern):
        return len(parts) >= len(wanted) and _agree(parts, wanted[:-1])
    return len(parts) == len(wanted) and _agree(parts, wanted)


def depth_below(path: str, pattern: str) -> int:
    """Return how many levels the object ``path`` is below the object ``pattern``."""
    return path.count(".") - pattern.count(".")


def supported(path: str) -> str:
    """Return the path with ``{i}`` in place of instance numbers and wildcards."""
    return ".".join("{i}" if part.isdecimal() or part == "*" else part for part in path.split("."))


def _agree(parts: list[str], wanted: list[str]) -> bool:
    return all(
        part == want or (want == "*" and part.isdecimal()) for part, want in zip(parts, wanted, strict=False)
    )
