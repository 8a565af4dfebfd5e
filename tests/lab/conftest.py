"""The virtual home for the tests of this folder."""

from __future__ import annotations

from tests.lab.fixtures import home

__all__ = ["home"]
