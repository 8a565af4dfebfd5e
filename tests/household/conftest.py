"""The desks and the home of namespaces of `tests.features.conftest`."""

from __future__ import annotations

from tests.features.conftest import home, make

__all__ = ["home", "make"]
