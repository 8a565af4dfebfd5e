"""The household's files and the command line of `tests.cli.conftest`."""

from __future__ import annotations

from tests.cli.conftest import config, qalqan

__all__ = ["config", "qalqan"]
