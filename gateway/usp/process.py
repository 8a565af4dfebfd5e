"""``python -m gateway.usp.process SETTINGS LOG``: the process of the USP Service.

`qalqan usp` executes it (`exec`), which frees the memory of the configuration parser and the command line.
SETTINGS is JSON (`UspSettings`).
"""

from __future__ import annotations

import json
import sys


def main(text: str, form: str) -> int:
    """Serve the USP broker until SIGTERM, which raises SystemExit.

    ``text``: the settings as JSON. ``form``: the log format.
    """
    from gateway.core.privileges import no_new_privileges
    from gateway.core.process_memory import (
        disable_core_dumps,
        drop_read_pages,
        forget_annotations_and_docstrings,
        import_dataclasses_alone,
        name_time_zones,
        settle,
    )

    no_new_privileges()
    disable_core_dumps()
    name_time_zones()
    import_dataclasses_alone()
    from gateway.core.compact_dataclasses import install_compact_dataclasses

    install_compact_dataclasses()
    import time
    from pathlib import Path

    from gateway.control.client import Client
    from gateway.core import logs
    from gateway.usp.daemon_filter import DaemonFilter
    from gateway.usp.service import UspService
    from gateway.usp.settings import UspSettings

    forget_annotations_and_docstrings("gateway.")
    settle()
    drop_read_pages()
    logs.configure(form)
    settings = UspSettings(**json.loads(text))
    family_filter = DaemonFilter(Client(Path(settings.control)), settings, time.monotonic)
    UspService(Path(settings.agent), settings.vendor, family_filter).run()
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
