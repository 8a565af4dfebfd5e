"""A refused name is refused and an allowed one is reached: DNS, TLS, HTTP, QUIC, by real clients."""

from __future__ import annotations

from collections.abc import Container, Iterator
from functools import partial

from tests.lab import clients, names
from tests.lab.clients import Outcome
from tests.lab.filtering import ALLOWED, REFUSED, address, fetch, is_explained
from tests.lab.home import Home
from tests.lab.netns import Namespace
from tests.vm.patience import PATIENCE_S, SILENCE_S
from tests.vm.report import Try

_RESOLVERS = {4: names.RESOLVER_IPV4, 6: names.RESOLVER_IPV6}
_REFUSED_PAGE = f"http://qalqan.home.arpa/refused?host={REFUSED}&"


def points(home: Home, *, quic: Container[int] = (4, 6)) -> Iterator[tuple[str, Try]]:
    """The tablet's profile fails closed, the phone's open, the parent's filters nothing.

    ``quic``: the versions of IP over which QUIC is tried, whose refusal takes long.
    """
    tablet, phone, parent = (home.devices[key] for key in ("tablet", "phone", "parent"))
    for version in _RESOLVERS:
        yield f"DNS over UDP, IPv{version}", partial(_dns, home, tablet, version, ())
        yield f"DNS over TCP, IPv{version}", partial(_dns, home, tablet, version, ("+tcp",))
        yield f"TLS, IPv{version}", partial(_reset, home, tablet, version)
        yield f"HTTP, IPv{version}", partial(_redirected, home, tablet, version)
        if version in quic:
            yield f"QUIC, IPv{version}", partial(_silent, home, tablet, version)
    yield "TLS of a profile that fails open", partial(_reset, home, phone, 4)
    if quic:
        yield "QUIC of a profile that fails open", partial(_silent, home, phone, 6)
    yield "TLS of an unfiltered device", lambda: reached(_https(parent, REFUSED, 4, PATIENCE_S))


def reached(outcome: Outcome) -> str:
    assert outcome.reached, f"not reached: {outcome.how}, after {outcome.ms:.0f} ms"
    return f"reached after {outcome.ms:.0f} ms"


def _https(device: Namespace, host: str, version: int, timeout: float) -> Outcome:
    return fetch(device, f"https://{host}/", version, timeout=timeout)


def _http(device: Namespace, host: str, version: int, timeout: float) -> Outcome:
    return fetch(device, f"http://{host}/", version, timeout=timeout)


def _h3(device: Namespace, host: str, version: int, timeout: float) -> Outcome:
    return clients.h3(device, host, address=address(host, version), timeout=timeout)


def _dns(home: Home, device: Namespace, version: int, extra: tuple[str, ...]) -> str:
    def ask(host: str) -> clients.Answer:
        # Asked again as any resolver does: a datagram may get lost.
        again = ("+tries=4", *extra)
        return clients.dig(device, host, server=_RESOLVERS[version], extra=again, timeout=int(PATIENCE_S / 4))

    refused = ask(REFUSED)
    assert is_explained(refused), f"{REFUSED}: {refused.status or 'no answer'}"
    _unseen(home, "dns")
    allowed = ask(ALLOWED)
    assert allowed.records == (names.ipv4_of(ALLOWED),), f"{ALLOWED}: {allowed.status or 'no answer'}"
    return f"the pages' address after {refused.ms:.0f} ms, answered after {allowed.ms:.0f} ms"


def _reset(home: Home, device: Namespace, version: int) -> str:
    refused = _https(device, REFUSED, version, PATIENCE_S)
    assert refused.how == "reset", f"{REFUSED}: {refused.how}, after {refused.ms:.0f} ms"
    _unseen(home, "https")
    return f"reset after {refused.ms:.0f} ms, {reached(_https(device, ALLOWED, version, PATIENCE_S))}"


def _redirected(home: Home, device: Namespace, version: int) -> str:
    refused = _http(device, REFUSED, version, PATIENCE_S)
    assert refused.status == 302, f"{REFUSED}: {refused.how}, after {refused.ms:.0f} ms"
    assert refused.location.startswith(_REFUSED_PAGE), f"it leads to {refused.location}"
    _unseen(home, "http")
    return f"302 after {refused.ms:.0f} ms, {reached(_http(device, ALLOWED, version, PATIENCE_S))}"


def _silent(home: Home, device: Namespace, version: int) -> str:
    allowed = _h3(device, ALLOWED, version, PATIENCE_S)
    seen = reached(allowed)
    refused = _h3(device, REFUSED, version, max(SILENCE_S, 3 * allowed.ms / 1000))
    assert not refused.reached, f"{REFUSED} was reached"
    _unseen(home, "h3")
    return f"{refused.how} after {refused.ms:.0f} ms, {seen}"


def _unseen(home: Home, proto: str) -> None:
    seen = [line for line in home.seen(proto) if line["name"].partition(":")[0] == REFUSED]
    assert not seen, f"{REFUSED} came as far as the internet: {seen[0]}"
