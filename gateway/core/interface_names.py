"""The grammar of names of network interfaces: those that may be written into nft text."""

from __future__ import annotations

import re

# Linux allows 1 to 15 bytes without slash, colon and space (dev_valid_name, net/core/dev.c). Stricter here:
# quotes and a final asterisk have a meaning in nft text.
INTERFACE_NAME = re.compile(r"[A-Za-z0-9_.@-]{1,15}", re.ASCII)
