"""The child that a page is about."""

from __future__ import annotations

from flask import abort

from webui.values.answers import Child, Home


def child_of(home: Home, profile: str) -> Child:
    """404 where there is none."""
    child = home.child(profile)
    if child is None:
        abort(404)
    return child
