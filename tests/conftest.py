"""Property tests look for new cases on a developer's machine; what has to pass before a change lands is
the same for everybody.
"""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile("landing", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("landing")
