"""The time zones that the pages list are those of the standard library."""

from __future__ import annotations

import subprocess
import sys
from zoneinfo import available_timezones

from webui.language import zones

LOADED = """
import sys
from webui.language import zones
before = set(sys.modules)
print(zones.is_known("Asia/Almaty"), zones.is_known("Asia/Nowhere"), *sorted(set(sys.modules) - before))
"""


def test_every_inhabited_zone_is_known() -> None:
    wanted = {name for name in available_timezones() if name.partition("/")[0] in zones.REGIONS}
    assert {name for names in zones._by_region().values() for name in names} == wanted
    assert zones.is_known("UTC")
    assert not zones.is_known("Europe/../UTC")


def test_the_list_is_read_without_further_modules() -> None:
    """The standard library loads importlib.resources for the package tzdata, which is not needed."""
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "False"]
