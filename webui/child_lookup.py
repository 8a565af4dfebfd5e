"""Finds the child that a page's address names."""

from __future__ import annotations

from flask import abort

from webui.features.status.home_text import ChildView, HomeView


def child_of(home: HomeView, profile: str) -> ChildView:
    """Return the child with this profile id; the response is 404 if there is none."""
    child = home.child(profile)
    if child is None:
        abort(404)
    return child
