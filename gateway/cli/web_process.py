"""``python -m gateway.cli.web_process SETTINGS LOG``: what serves the pages, and nothing more.

`qalqan web` becomes this one (`exec`): what reads the family's file and the command line, 3 MB, is left
behind.
SETTINGS is JSON (`web.told`).
"""

from __future__ import annotations

import json
import sys

from gateway.core.lean_code import lean_dataclasses
from gateway.core.process_memory import one_openssl
from gateway.web.lean_flask import import_lean


def main(text: str, form: str) -> int:
    lean_dataclasses()  # 1.6 MB: code for `repr` and refusing alone, of three hundred of them
    one_openssl()  # passwords are hashed elsewhere, and messages bring their own
    import_lean()
    from gateway.cli.commands.web import settings_of
    from gateway.core import logs
    from gateway.core.errors import GatewayError
    from webui.serve import run

    logs.configure(form)
    try:
        return run(settings_of(json.loads(text)), form)
    except GatewayError as error:
        return _refuse(str(error))
    except OSError as error:
        return _refuse(f"{error.filename or ''}: {error.strerror or error}".removeprefix(": "))


def _refuse(problem: str) -> int:
    """As every command of `qalqan` does."""
    print(f"qalqan: {' '.join(problem.split())}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
