"""The same points of the daemon's behaviour on this machine's own kernel, for the table side by side."""

from __future__ import annotations

import sys

from gateway.kernel.fallback import native_queue
from gateway.kernel.nft import Nft
from tests.lab.home import Home
from tests.vm import behaviour
from tests.vm.report import Report


def main() -> int:
    backend = backend_here()
    report = Report(sys.stdout, backend)
    report.head()
    home = Home()
    try:
        home.start()
        behaviour.run(home, report, backend)
    finally:
        home.close()
    return report.close()


def backend_here() -> str:
    nft = Nft()
    try:
        return behaviour.NATIVE if native_queue(nft) else behaviour.TARGET
    finally:
        nft.close()


if __name__ == "__main__":
    sys.exit(main())
