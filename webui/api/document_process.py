"""``python -m webui.api.document_process``: print the OpenAPI document as JSON, compressed (zlib)."""

from __future__ import annotations

import json
import sys
import zlib

from webui.api.answering import OPERATIONS
from webui.api.document import document

if __name__ == "__main__":
    written = json.dumps(document(OPERATIONS), separators=(",", ":")).encode()
    sys.stdout.buffer.write(zlib.compress(written, 9))
