"""`python -m gateway` is `qalqan`."""

from __future__ import annotations

import sys

if __name__ == "__main__":
    if sys.argv[1:2] == ["web"]:  # before other modules: one of them may be broken or missing
        from gateway.web.recovery import guard

        guard(sys.argv[2:])
    from gateway.cli.main import main

    sys.exit(main())
