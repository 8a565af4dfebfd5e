"""``python -m gateway.web.scrypt``: the digest of a password, in a process that ends with the 8 MB that it
takes.

Standard input: one line of JSON, ``{"password": …, "salt": …}``. Standard output: the digest in hex.
"""

from __future__ import annotations

import json
import sys

N, R, P = 8192, 8, 10  # what `policy.people.METHOD` says
ROOM = 132 * N * R * P  # bytes that OpenSSL is allowed, as werkzeug has it
INPUT_LIMIT = 8 << 10  # bytes; a password has 128 characters and a little more


def digest(password: str, salt: str) -> str:
    import hashlib  # by the process that makes one alone: the pages' own has no OpenSSL

    return hashlib.scrypt(
        password.encode("utf-8", "replace"), salt=salt.encode(), n=N, r=R, p=P, maxmem=ROOM
    ).hex()


def main() -> int:
    asked = json.loads(sys.stdin.buffer.read(INPUT_LIMIT))
    sys.stdout.write(digest(str(asked["password"]), str(asked["salt"])))
    return 0


if __name__ == "__main__":
    sys.exit(main())
