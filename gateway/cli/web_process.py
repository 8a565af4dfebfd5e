"""``python -m gateway.cli.web_process SETTINGS LOG``: the process that serves the pages.

`qalqan web` executes it (`exec`), which frees the 3 MB of the configuration parser and the command line.
SETTINGS is JSON (`gateway.cli.commands.web`).
"""

from __future__ import annotations

import json
import sys

from gateway.core.privileges import no_new_privileges
from gateway.core.process_memory import lean_dataclasses, one_openssl
from gateway.web.lean_flask import import_lean


def main(text: str, form: str) -> int:
    no_new_privileges()
    lean_dataclasses()  # 1.6 MB: the generated code of three hundred dataclasses
    one_openssl()  # passwords are hashed in another process, and messages bring their own OpenSSL
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
    """Print an error on standard error, in the format of all commands; return exit status 1."""
    print(f"qalqan: {' '.join(problem.split())}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
