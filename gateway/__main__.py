"""Runs the command `qalqan`, as ``python -m gateway``."""

from __future__ import annotations

import sys

if __name__ == "__main__":
    # `guard` runs before other modules are imported: one of them may be broken or missing.
    if sys.argv[1:2] == ["web"]:
        from gateway.web.recovery import guard

        guard(sys.argv[2:])
    from gateway.cli.main import main

    sys.exit(main())
