"""``python -m gateway.cli.web_process SETTINGS LOG [AGAIN]``: the process that serves the pages.

`qalqan web` executes it (`exec`), which frees the 3 MB of the configuration parser and the command line.
SETTINGS is JSON (`gateway.cli.commands.web`). LOG is the format of the log. AGAIN is the command line of
`qalqan web` and the files that it reads, as JSON. If the pages cannot start, this process is replaced by the
one that serves the recovery page.
"""

from __future__ import annotations

import json
import sys

from gateway.web.recovery import PROGRAM, STORAGE, Recovery, this_command

OWN_AND_LIBRARIES = ("gateway.", "webui.", "flask.", "jinja2.", "waitress.", "werkzeug.")


def main(text: str, form: str, again: str = "{}") -> int:
    settings, start = json.loads(text), json.loads(again)
    command = tuple(start.get("command", this_command()))
    recovery = Recovery(command, tuple(start.get("watch", ())), settings)
    recovery.on_exception()
    from gateway.core.compact_dataclasses import install_compact_dataclasses
    from gateway.core.privileges import no_new_privileges
    from gateway.core.process_memory import forget_annotations_and_docstrings, name_time_zones, one_openssl
    from gateway.web.partial_imports import import_without_unused_modules

    no_new_privileges()
    name_time_zones()
    install_compact_dataclasses()  # saves 1.6 MB: the generated code of three hundred dataclasses
    one_openssl()  # passwords are hashed in another process, and `cryptography` may have its own OpenSSL
    import_without_unused_modules()
    from gateway.cli.commands.web import settings_of
    from gateway.core import logs
    from gateway.core.errors import GatewayError
    from gateway.web.listen import ListenError, SettingsError
    from webui.serve import run

    forget_annotations_and_docstrings(*OWN_AND_LIBRARIES)
    logs.configure(form)
    try:
        return run(settings_of(settings), form)
    except ListenError as error:  # the recovery page could not listen either
        _report(str(error))
        return 1
    except SettingsError as error:
        _report(str(error))
        recovery.serve(STORAGE, str(error).partition(": ")[0])
    except GatewayError as error:
        _report(str(error))
        recovery.serve(PROGRAM)
    except OSError as error:
        _report(f"{error.filename or ''}: {error.strerror or error}".removeprefix(": "))
        recovery.serve(STORAGE, str(error.filename or ""))


def _report(problem: str) -> None:
    """Print an error on standard error as all commands do: one line that begins with ``qalqan:``."""
    print(f"qalqan: {' '.join(problem.split())}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))
