"""A real dnsmasq that gives leases on the home's LAN, and starts the gateway's hook where it is asked to."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.lab import names
from tests.lab.filtering import until
from tests.lab.home import ROOT, Home
from tests.lab.netns import stop

POOL = "192.168.77.100,192.168.77.150,1h"
_HOOK = f"""#!{sys.executable}
import sys
sys.path.insert(0, {str(ROOT)!r})
from gateway.lan.dhcp_script import main
sys.exit(main())
"""


@contextmanager
def dhcp_server(
    home: Home, folder: Path, *options: str, pool: str = POOL, tells: Path | None = None
) -> Iterator[None]:
    """``folder`` has its leases; ``tells``: the control socket of the daemon that its hook tells."""
    command = [
        "dnsmasq", "--no-daemon", "--conf-file=/dev/null", "--port=0", "--user=root", "--no-ping",
        f"--interface={names.LAN}", "--bind-dynamic", "--dhcp-authoritative", f"--dhcp-range={pool}",
        f"--dhcp-leasefile={folder / 'leases'}", f"--pid-file={folder / 'pid'}", *options,
    ]  # fmt: skip
    if tells is not None:
        hook = folder / "qalqan-dhcp-event"
        hook.write_text(_HOOK)
        hook.chmod(0o755)
        command.append(f"--dhcp-script={hook}")
    env = {**os.environ, "QALQAN_SOCKET": str(tells)} if tells else None
    server = home.gateway.popen(command, env=env, stdout=subprocess.DEVNULL)
    try:
        assert until(lambda: ":67 " in home.gateway.run(["ss", "-Hlun"]).stdout, 5.0) is not None
        yield
    finally:
        stop(server)
