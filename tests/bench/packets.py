"""Packets of a large download that reach Python: the kernel alone carries the rest."""

from __future__ import annotations

from tests.bench.figures import Figure, Settings, at_most
from tests.bench.web import DOWNLOAD, nginx
from tests.bench.wires import HOST, Wires, queued

MARK = 20.0


def measure(settings: Settings) -> list[Figure]:
    figures = []
    with Wires() as wires, nginx(wires), wires.filtered() as daemon:
        for proto, scheme in (("TLS", "https"), ("plain HTTP", "http")):
            before = queued(daemon)
            got = wires.child.run(
                ["curl", "-sSk", "-o", "/dev/null", "-w", "%{size_download}", f"{scheme}://{HOST}/download"],
                timeout=120,
                check=True,
            ).stdout
            if int(got) != DOWNLOAD:
                raise AssertionError(got)
            name = f"packets of a 100 MB download in Python, {proto}"
            figures.append(at_most(name, queued(daemon) - before, "packets", MARK))
    return figures
