"""Messages for the daemon's errors in the reader's language.

The sentence of a known code (`gateway/core/reason_codes.py`) is translated. For another code, the daemon's
English text is shown.
"""

from __future__ import annotations

from gateway.core.errors import GatewayError
from gateway.core.reason_codes import Code
from webui.language.i18n import gettext
from webui.language.words import NAME_LIMIT, error_text, plain

# Maximum lengths of values that are sentences or addresses. All others are names.
LONG = {"names": 200, "problem": 200, "fix": 200, "why": 200, "host": 80, "key": 80}  # characters


def sentence(error: GatewayError) -> str:
    try:
        known = Code(error.code).sentence
    except ValueError:
        known = ""  # a code of another daemon version
    if known:
        values = {key: _plain(key, value) for key, value in error.values.items()}
        try:
            return gettext(known) % values
        except (KeyError, TypeError, ValueError):
            pass  # an unknown placeholder of another daemon version, or a translator's error
    return error_text(str(error))


def _plain(key: str, value: object) -> object:
    return plain(value, LONG.get(key, NAME_LIMIT)) if isinstance(value, str) else value
