"""Data: age bands, the service catalogue, categories, packs of names. Files of this package are not code."""

from __future__ import annotations

from pathlib import Path

DATA = Path(__file__).parent
"""Where the files are. A plain folder: importlib.resources would bring in archives and compressors, 2 MB."""
