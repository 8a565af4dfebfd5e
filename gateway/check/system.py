"""`qalqan check`: the pages' address, the kernel's counters, nft and its queue."""

from __future__ import annotations

import errno
import gzip
import platform
import re
import socket
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from gateway.check.findings import Finding, ok, problem, refused
from gateway.cli.commands.web import settings_dict
from gateway.core.errors import GatewayError, KernelError
from gateway.lan.machine import may_administer, text_of
from gateway.policy.config.config import Config
from gateway.web.listen import parse_listen

PROC = Path("/proc")
MODULES = Path("/lib/modules")
# One of the two is needed: nft's own queue, or that of iptables.
NATIVE = ("nft_queue", "CONFIG_NFT_QUEUE")
FALLBACK = ("xt_NFQUEUE", "CONFIG_NETFILTER_XT_TARGET_NFQUEUE")
_TARGET = "iptables' NFQUEUE target is used"


def pages(config: Config) -> Iterator[Finding]:
    listen = settings_dict(config)["listen"]
    if listen is None:
        yield ok("pages", f"port {config.web.port} of {', '.join(config.lan)}")
        return
    try:
        address, _ = parse_listen(listen, allow_wan=config.web.allow_wan)
    except GatewayError as error:
        yield refused("pages", error)
        return
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as sock:
        try:
            sock.bind((address, 0))
        except OSError as error:
            text = f"{address} is not an address of this machine"
            if error.errno != errno.EADDRNOTAVAIL:
                text = f"{address} cannot be used ({error.strerror})"
            yield problem("pages", text, "look it up with: ip address")
            return
    yield ok("pages", f"at {listen}")


def accounting() -> Iterator[Finding]:
    """Check that the kernel counts each connection, which the time per service needs."""
    value = text_of(PROC / "sys/net/netfilter/nf_conntrack_acct").strip()
    if not value:
        yield ok("services", "the kernel tracks no connection yet; the daemon enables the counters")
    elif value == "0":
        yield ok("services", "the counters are off (nf_conntrack_acct=0); the daemon enables them")
    else:
        yield ok("services", "the kernel counts each connection")


def kernel() -> Iterator[Finding]:
    """Check nft and queues. Root gets the kernel's own answer."""
    if find_spec("netfilterqueue") is None:
        fix = "install it: pip install netfilterqueue"
        yield problem("queue", "the Python package netfilterqueue is not installed", fix)
    from gateway.kernel import fallback
    from gateway.kernel.nft import Nft

    try:
        nft = Nft()
    except KernelError as error:
        yield refused("nft", error)
        return
    yield ok("nft", f"uses {nft.backend}")
    try:
        if not may_administer():
            yield _seen()
        elif fallback.native_queue(nft):
            yield ok("queue", "the kernel has nft's queue")
        elif fallback.has_target():
            yield ok("queue", f"the kernel has no nft queue; {_TARGET}")
        else:
            fix = "install kmod-nft-queue, or xt_NFQUEUE and nft_compat"
            yield problem("queue", "the kernel has no packet queue", fix)
    except KernelError as error:
        yield refused("queue", error)
    finally:
        nft.close()


def _seen() -> Finding:
    """Without root: judge by the kernel's configuration and modules."""
    for module, option in (NATIVE, FALLBACK):
        if _has(module, option):
            if module == NATIVE[0]:
                return ok("queue", "the kernel has nft's queue, as far as can be seen without root")
            return ok("queue", f"no nft queue can be seen; {_TARGET}")
    if not _known():
        return ok("queue", "the kernel's queue support is unknown without root; run this as root")
    return problem("queue", "the kernel has no packet queue", "install kmod-nft-queue, or another kernel")


def _configuration() -> str:
    """Return the kernel's configuration, if available."""
    release = platform.release()
    try:
        return gzip.decompress((PROC / "config.gz").read_bytes()).decode("ascii", "replace")
    except OSError:
        return text_of(Path("/boot") / f"config-{release}")


def _modules() -> str:
    folder = MODULES / platform.release()
    return text_of(folder / "modules.dep") + text_of(folder / "modules.builtin")


def _known() -> bool:
    return bool(_configuration() or _modules())


def _has(module: str, option: str) -> bool:
    if Path("/sys/module", module).exists() or re.search(rf"/{module}\.ko", _modules()):
        return True
    built_in = re.search(rf"^{option}=(?:y|m)$", _configuration(), re.MULTILINE)
    return built_in is not None
