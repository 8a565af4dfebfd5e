"""The pages and the front of the trusted name: where 80 and 443 of their own address lead on this kernel."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from tests.lab import clients, names
from tests.lab.clients import Outcome
from tests.lab.daemon import WEB_PORT, Daemon
from tests.lab.filtering import PROFILES, bracketed, until
from tests.lab.home import Home
from tests.vm.patience import PATIENCE_S
from tests.vm.report import Try
from tests.web.authority import NAME, TrustedAuthority

_ROUTER = {4: names.GATEWAY_IPV4, 6: names.GATEWAY_IPV6}
_DEVICES = {"tablet": "Daughter", "phone": "Son", "parent": ""}  # and whose page each of them has


class TrustedName:
    """``daemon`` has the name. Its pages run from the first point to ``close``."""

    def __init__(self, home: Home) -> None:
        self._home = home
        folder = home.folder / "tls"
        folder.mkdir()
        authority = TrustedAuthority()
        authority.issue().put(folder)
        self._root = folder / "root.pem"
        self._root.write_bytes(authority.root_pem)
        https = {"name": NAME, "certificate": f"{folder}/chain.pem", "key": f"{folder}/key.pem"}
        self.daemon = Daemon(home, PROFILES, settings={"web": {"port": WEB_PORT, "https": https}})

    def points(self) -> Iterator[tuple[str, Try]]:
        yield "the pages start, and their front", self._start
        for version in _ROUTER:
            yield f"80 of the pages' address: the pages, IPv{version}", partial(self._plain, version)
            yield f"443 of the pages' address: the front, IPv{version}", partial(self._front, version)
            yield f"443 of the router: not the front, IPv{version}", partial(self._router, version)

    def close(self) -> None:
        self.daemon.stop_web()

    def _start(self) -> str:
        self.daemon.start_web()
        took = until(lambda: bool(self._ask("parent", 4).status), PATIENCE_S)
        assert took is not None, f"nobody is met: {self._ask('parent', 4).how}"
        return f"met {took:.1f} s after the pages"

    def _plain(self, version: int) -> str:
        return _own({device: self._get(device, "http", version) for device in _DEVICES})

    def _front(self, version: int) -> str:
        """By a name that the gateway itself answers for, and a certificate that is checked."""
        return _own({device: self._ask(device, version) for device in _DEVICES})

    def _router(self, version: int) -> str:
        there = f"{NAME}:443:{bracketed(_ROUTER[version])}"
        found = self._ask("parent", version, "--resolve", there)
        assert not found.status, f"somebody answers there: {found.how}"
        return found.how

    def _ask(self, device: str, version: int, *extra: str) -> Outcome:
        return self._get(device, "https", version, "--no-insecure", "--cacert", str(self._root), *extra)

    def _get(self, device: str, scheme: str, version: int, *extra: str) -> Outcome:
        at = self._home.devices[device]
        return clients.curl(at, f"{scheme}://{NAME}/my", timeout=PATIENCE_S, extra=[f"-{version}", *extra])


def _own(found: dict[str, Outcome]) -> str:
    """Each device's own page, whose address is not lost on the way."""
    for device, page in found.items():
        assert page.status in (200, 303), f"{device}: {page.how}"
        for other, whose in _DEVICES.items():
            assert not whose or (whose in page.body) == (other == device), f"{device}: not its own page"
    return f"each its own page, after {max(page.ms for page in found.values()):.0f} ms at most"
