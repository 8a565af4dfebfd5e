"""Looks up the child of a page."""

from __future__ import annotations

from flask import abort

from webui.features.status.home_text import Child, Home


def child_of(home: Home, profile: str) -> Child:
    """Return the child; 404 if there is none."""
    child = home.child(profile)
    if child is None:
        abort(404)
    return child
