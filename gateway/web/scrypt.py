"""``python -m gateway.web.scrypt``: hashes a password, in a process that frees the 8 MB when it ends.

Standard input: one line of JSON, ``{"password": …, "salt": …}``. Standard output: the digest in hex.
"""

from __future__ import annotations

import json
import sys

N, R, P = 8192, 8, 10  # the parameters in `gateway.policy.accounts.people.METHOD`
ROOM = 132 * N * R * P  # bytes that OpenSSL may use, the same as werkzeug
INPUT_LIMIT = 8 << 10  # bytes; a password has up to 128 characters


def digest(password: str, salt: str) -> str:
    """Return the scrypt digest of a password in hexadecimal, with N, R and P. ``salt``: used as text."""
    import hashlib  # only this process needs it: the pages' process has no OpenSSL

    return hashlib.scrypt(
        password.encode("utf-8", "replace"), salt=salt.encode(), n=N, r=R, p=P, maxmem=ROOM
    ).hex()


def main() -> int:
    request = json.loads(sys.stdin.buffer.read(INPUT_LIMIT))
    sys.stdout.write(digest(str(request["password"]), str(request["salt"])))
    return 0


if __name__ == "__main__":
    sys.exit(main())
