"""The message of an error by its code, as a pattern for ``pytest.raises(…, match=…)``."""

from __future__ import annotations

import re

from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code


def sentence(code: Code, **values: str | int) -> str:
    return f"^{re.escape(str(ControlError.of(code, **values)))}$"
