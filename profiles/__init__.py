"""The packaged data: age groups, services, categories, countries, lists. Only this file is code."""

from __future__ import annotations

from pathlib import Path

DATA = Path(__file__).parent
"""The folder of the data files. importlib.resources would load modules for archives too, 2 MB of memory."""
