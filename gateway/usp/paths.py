"""Path names of USP's data models: objects end with a dot, and ``*`` stands for any instance number."""

from __future__ import annotations

PATH_LIMIT = 256  # characters (TR-106, section 3.3)


def is_plain(path: str) -> bool:
    """Return whether a USP path is of valid length and has no search expression or reference to follow.

    It may have the wildcard ``*``.
    """
    return 0 < len(path) <= PATH_LIMIT and not set(path) & set("[]+# ")


def is_object(path: str) -> bool:
    return path.endswith(".")


def split_parameter(path: str) -> tuple[str, str]:
    """Split a path such as ``Device.A.Name`` into the object's path, ``Device.A.``, and ``Name``."""
    head, _, name = path.rpartition(".")
    return f"{head}.", name


def is_same(path: str, pattern: str) -> bool:
    """Return whether ``path`` matches ``pattern``, in which ``*`` stands for any instance number."""
    parts, wanted = path.split("."), pattern.split(".")
    return len(parts) == len(wanted) and _agree(parts, wanted)


def is_below(path: str, pattern: str) -> bool:
    """Return whether ``path`` is what ``pattern`` names, or is inside the object that it names.

    A pattern that ends with a dot names an object. ``*`` in it stands for any instance number.
    """
    parts, wanted = path.split("."), pattern.split(".")
    if is_object(pattern):
        return len(parts) >= len(wanted) and _agree(parts, wanted[:-1])
    return len(parts) == len(wanted) and _agree(parts, wanted)


def depth_below(path: str, pattern: str) -> int:
    """Return how many levels the object ``path`` is below the object ``pattern``; 0 for the same level."""
    return path.count(".") - pattern.count(".")


def supported(path: str) -> str:
    """Return ``path`` with ``{i}`` in place of each instance number or ``*``, as supported models have it."""
    return ".".join("{i}" if part.isdecimal() or part == "*" else part for part in path.split("."))


def _agree(parts: list[str], wanted: list[str]) -> bool:
    return all(
        part == want or (want == "*" and part.isdecimal()) for part, want in zip(parts, wanted, strict=False)
    )
