"""`make test-image`: boots the Raspberry Pi image in QEMU, on a generic arm64 board, and sets it up.

    python -m tests.release.boot [IMAGE]

The kernel, the initramfs and the root filesystem are those of the image; the board and its device tree are
QEMU's. The processor is emulated, so a start takes minutes. The network is a router, a parent's phone and a
child's tablet in namespaces of their own. The router answers each name with its own web and time server.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from datetime import time as clock
from pathlib import Path

from tests.debian.arm64 import Arm64Error, run
from tests.debian.conftest import build as build_package
from tests.lab.netns import LabError, Namespace, remove, stop
from tests.release import image, repository, signing
from tests.release.build import ROOT
from tests.web_forms import Form, form_with

CACHE = ROOT / ".run" / "image"
CARD = "6G"  # of the virtual card; the image is smaller
MEMORY = "1G"
BOOT_S = 1800.0  # from power-on to the first page; a few minutes where nothing else runs
STEP_S = 120.0
MDNS = "224.0.0.251"
NET, ROUTER, PARENT, TABLET = "192.168.50.0/24", "192.168.50.1", "192.168.50.10", "192.168.50.11"
RANGE = "192.168.50.100,192.168.50.150,255.255.255.0,12h"
BOARD_MAC, TABLET_MAC = "02:00:00:50:00:02", "02:00:00:50:00:0b"
SERVER = "198.51.100.7"  # every name leads there
BLOCKED, ALLOWED = "www.pornhub.com", "www.example.org"
RESET = (35, 56)  # exit status of curl
NOON = clock(12)  # when the board is switched on: at no age is it bedtime
PASSWORD = "twelve green owls"
CODE = re.compile(r"Code on the label: (\S+)")
# The internet: one page under every name by HTTP and HTTPS, and the time, as tests want it.
_INTERNET = """
import http.server, socket, ssl, struct, sys, threading, time
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"reached")
def tell_time():
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((sys.argv[2], 123))  # answers come from this address, as clients require
    shift = float(sys.argv[1])
    while True:
        asked, sender = sock.recvfrom(512)
        seconds = time.time() + shift + 2208988800
        now = struct.pack("!II", int(seconds), int(seconds % 1 * 2**32))
        head = struct.pack("!BBbbII4s", 0x24, 2, 6, -20, 0, 0, b"TEST")
        sock.sendto(head + now + asked[40:48] + now + now, sender)
threading.Thread(target=tell_time, daemon=True).start()
secure = http.server.ThreadingHTTPServer(("", 443), Handler, bind_and_activate=False)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[3])
# The handshake is made in the thread of the connection, so that a client without one stops no other.
secure.socket = context.wrap_socket(secure.socket, server_side=True, do_handshake_on_connect=False)
secure.server_bind()
secure.server_activate()
threading.Thread(target=secure.serve_forever, daemon=True).start()
http.server.ThreadingHTTPServer(("", 80), Handler).serve_forever()
"""
# Prints the address in the first answer. The question is: qalqan.local, A, with a unicast answer requested.
_MDNS = """
import re, socket, struct, sys
question = b"\\6qalqan\\5local\\0" + struct.pack("!HH", 1, 0x8001)
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.settimeout(5)
sock.sendto(struct.pack("!6H", 1, 0, 1, 0, 0, 0) + question, (sys.argv[1], 5353))
found = re.search(rb"\\x00\\x01[\\x00\\x80]\\x01.{4}\\x00\\x04(.{4})", sock.recv(1500), re.DOTALL)
print(socket.inet_ntoa(found[1]))
"""
# systemd takes the unit from the kernel's command line (systemd-debug-generator), so the card stays as it is.
ACCEPTANCE_S = 1800
ACCEPTANCE = f"""[Service]
Type=exec
ExecStart=/bin/sh -c 'until systemctl --quiet is-active qalqan-web; do sleep 5; done; sleep 30; \\
 exec qalqan acceptance --json --within {ACCEPTANCE_S}'
StandardOutput=tty
TTYPath=/dev/console
"""
ACCEPTED = re.compile(r'\{"ok": (?:true|false), "seconds": .*\}')
_OFFERS = """
import json
from gateway.setup.dhcp import servers_on
print(json.dumps([(offer.server, offer.router) for offer in servers_on("eth0")]))
"""


class BootError(Exception):
    """What the booted image does not do; one line."""


class HomeNetwork:
    """A router with a DHCP server, and two devices, on one bridge; QEMU's network card joins it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        mark = f"qq{os.getpid()}x{secrets.token_hex(2)}"
        self.router, self.parent, self.tablet = (Namespace(f"{mark}-{name}") for name in ("ro", "pa", "ta"))
        noon = datetime.combine(datetime.now(UTC).date() + timedelta(days=1), NOON, UTC)
        self.shift = noon.timestamp() - time.time()  # seconds from this machine's clock to the network's
        self._dnsmasq: subprocess.Popen[bytes] | None = None
        self._web: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> HomeNetwork:
        for namespace in (self.router, self.parent, self.tablet):
            run(["ip", "netns", "add", namespace.name])
            _ip(namespace, "link", "set", "lo", "up")
        _ip(self.router, "link", "add", "br0", "type", "bridge")
        _ip(self.router, "address", "add", f"{ROUTER}/24", "dev", "br0")
        _ip(self.router, "address", "add", f"{SERVER}/32", "dev", "lo")
        _ip(self.router, "tuntap", "add", "board", "mode", "tap")
        for device, name, address, mac in (
            (self.parent, "parent", PARENT, "02:00:00:50:00:0a"),
            (self.tablet, "tablet", TABLET, TABLET_MAC),
        ):
            _ip(
                self.router, "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", device.name
            )
            _ip(self.router, "link", "set", name, "master", "br0", "up")
            _ip(device, "link", "set", "eth0", "address", mac, "up")
            _ip(device, "address", "add", f"{address}/24", "dev", "eth0")
            _ip(device, "route", "add", "default", "via", ROUTER)
        _ip(self.router, "link", "set", "board", "master", "br0", "up")
        _ip(self.router, "link", "set", "br0", "up")
        self.router.run(["sysctl", "-qw", "net.ipv4.ip_forward=1"], check=True)
        certificate = self._folder / "internet.pem"
        run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
             "-days", "7", "-subj", "/CN=internet.invalid", "-keyout", str(certificate),
             "-out", f"{certificate}.crt"])  # fmt: skip
        with certificate.open("a") as file:
            file.write(Path(f"{certificate}.crt").read_text("utf-8"))
        self._web = self.router.popen(
            [sys.executable, "-c", _INTERNET, str(self.shift), SERVER, str(certificate)],
            stdout=subprocess.DEVNULL,
        )
        self.serve(dhcp=True)
        return self

    def __exit__(self, *_: object) -> None:
        for process in (self._web, self._dnsmasq):
            if process is not None:
                stop(process)
        remove([namespace.name for namespace in (self.router, self.parent, self.tablet)])

    def serve(self, *, dhcp: bool) -> None:
        """Start the router's dnsmasq anew, with or without DHCP."""
        if self._dnsmasq is not None:
            stop(self._dnsmasq)
        words = [f"--dhcp-range={RANGE}", "--dhcp-authoritative"] if dhcp else []
        self._dnsmasq = self.router.popen(
            ["dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-hosts", "--no-resolv",
             "--user=root", "--interface=br0", "--bind-interfaces", f"--address=/#/{SERVER}", "--no-ping",
             f"--dhcp-leasefile={self._folder / 'leases'}", *words],
            stdout=subprocess.DEVNULL,
        )  # fmt: skip

    def leased(self) -> str | None:
        """Return the address that the router's DHCP server gave to the board."""
        leases = self._folder / "leases"
        for line in leases.read_text("utf-8").splitlines() if leases.exists() else ():
            fields = line.split()
            if fields[1] == BOARD_MAC:
                return fields[2]
        return None


class Board:
    """The image in QEMU. ``power_on`` after ``cut_off`` starts from the same card."""

    def __init__(self, card: Path, firmware: Path, network: HomeNetwork, log: Path) -> None:
        (kernel,), (initrd,) = firmware.glob("vmlinuz-*"), firmware.glob("initrd.img-*")
        words = (firmware / "cmdline.txt").read_text("utf-8").split()
        # The screen of the generic board is its serial line.
        kept = (word for word in words if not word.startswith("console="))
        self._line = " ".join((*kept, "console=ttyAMA0"))
        self._argv = [
            "qemu-system-aarch64",
            *("-machine", "virt", "-cpu", "cortex-a72", "-smp", "2", "-m", MEMORY),
            *("-accel", "tcg,thread=multi", "-nodefaults", "-no-user-config", "-display", "none"),
            *("-serial", f"file:{log}", "-kernel", str(kernel), "-initrd", str(initrd)),
            *("-drive", f"file={card},format=raw,if=none,id=card,cache=unsafe"),
            *("-device", "virtio-blk-pci,drive=card"),
            *("-netdev", "tap,id=net,ifname=board,script=no,downscript=no"),
            *("-device", f"virtio-net-pci,netdev=net,mac={BOARD_MAC},romfile="),
        ]
        self._network, self._log = network, log
        self._process: subprocess.Popen[bytes] | None = None

    def power_on(self, unit: str = "") -> None:
        """Start the board. ``unit``: of a service that systemd runs this time."""
        self._log.unlink(missing_ok=True)
        now = datetime.fromtimestamp(time.time() + self._network.shift, UTC)
        line = self._line
        if unit:
            packed = base64.b64encode(unit.encode()).decode()
            line += f" systemd.set_credential_binary=systemd.extra-unit.extra.service:{packed}"
            line += " systemd.wants=extra.service"
        argv = [*self._argv, "-append", line, "-rtc", f"base={now:%Y-%m-%dT%H:%M:%S}"]
        self._process = self._network.router.popen(argv)

    def cut_off(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def screen(self) -> str:
        return self._log.read_text("utf-8", "replace") if self._log.exists() else ""

    def wait_for(self, what: str, ask: Callable[[], str | None], seconds: float) -> str:
        """Return the first answer of ``ask``. Raises BootError after ``seconds``, or if QEMU ends."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            assert self._process is not None
            if self._process.poll() is not None:
                assert self._process.stdout is not None
                said = self._process.stdout.read().decode(errors="replace").strip()
                msg = f"QEMU ended: {said or self._process.returncode}"
                raise BootError(msg)
            if answer := ask():
                return answer
            time.sleep(2)
        msg = f"{what}: not within {seconds:.0f} s; the board's screen is in {self._log}"
        raise BootError(msg)


class Phone:
    """A browser on a device of the home, with its cookies."""

    def __init__(self, device: Namespace, pages: str, jar: Path) -> None:
        self._device, self._pages, self._jar = device, pages, str(jar)

    def get(self, path: str) -> str:
        return self._ask(path)

    def post(self, path: str, **values: str) -> str:
        """Send a form and return the page that follows."""
        form = [part for key, value in values.items() for part in ("--data-urlencode", f"{key}={value}")]
        return self._ask(path, "-H", f"Origin: {self._pages}", "--location", *form)

    def submit(self, path: str, **values: str) -> str:
        """Fill in the form of the page at ``path`` that has these fields. Return the page that follows."""
        form = _form(self.get(path), path, *values)
        return self.post(form.action or path, **{**form.values, **values})

    def _ask(self, path: str, *extra: str) -> str:
        argv = ["curl", "--silent", "--show-error", "--fail-with-body", "--max-time", "60",
                "-c", self._jar, "-b", self._jar, *extra, f"{self._pages}{path}"]  # fmt: skip
        done = self._device.run(argv, timeout=90)
        if done.returncode:
            msg = f"{path}: {done.stderr.strip()} {_text(done.stdout)[:300]}"
            raise BootError(msg)
        return done.stdout


def main() -> int:
    parser = argparse.ArgumentParser(prog="make test-image")
    parser.add_argument("image", type=Path, nargs="?", help=".img or .img.xz; made if it is left out")
    given = parser.parse_args().image
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # QEMU must not outlive us
    began = time.monotonic()
    try:
        with tempfile.TemporaryDirectory(prefix="qalqan-boot-", dir=_room()) as name:
            _try(given, Path(name))
    except (BootError, image.ImageError, Arm64Error, LabError, OSError) as error:
        print(f"make test-image: {error}", file=sys.stderr)
        return 1
    print(f"All of it took {time.monotonic() - began:.0f} s.")
    return 0


def _room() -> Path:
    CACHE.mkdir(parents=True, exist_ok=True)
    return CACHE


def _try(given: Path | None, folder: Path) -> None:
    card = folder / "card.img"
    with step("the image is copied to a card" if given else "the image is made"):
        _write_card(given, card, folder)
        firmware = folder / "firmware"
        firmware.mkdir()
        image.read_firmware(card, firmware)
        _check_firmware(firmware)
        run(["truncate", f"--size={CARD}", str(card)])
    with ExitStack() as stack:
        network = stack.enter_context(HomeNetwork(folder))
        board = Board(card, firmware, network, CACHE / "screen.log")
        stack.callback(board.cut_off)
        code = _first_start(board, network)
        _set_up(network, board, code, folder)
        _without_the_routers_dhcp(board, network)


def _write_card(given: Path | None, card: Path, folder: Path) -> None:
    if given is None:
        secret, public = folder / "secret.asc", folder / repository.KEYRING
        signing.create_key(secret, "Test image <tests@qalqan.invalid>")
        with signing.signing_key(str(secret)) as key:
            key.export(public)
        image.build(card, build_package(folder), public, "")
    elif given.suffix == ".xz":
        with card.open("wb") as out:
            subprocess.run(["xz", "--decompress", "--stdout", str(given)], stdout=out, check=True)
    else:
        shutil.copyfile(given, card)


def _check_firmware(firmware: Path) -> None:
    """Check the files that a Raspberry Pi's own loader needs. QEMU does not use them."""
    config = (firmware / "config.txt").read_text("utf-8")
    for pattern in (
        "bootcode.bin",
        "start4.elf",
        "fixup4.dat",
        "bcm2711-rpi-4-b.dtb",
        "bcm2837-rpi-3-b-plus.dtb",
    ):
        if not (firmware / pattern).exists():
            msg = f"/boot/firmware has no {pattern}"
            raise BootError(msg)
    for key in ("kernel", "initramfs"):
        found = re.search(rf"^{key}[= ](\S+)$", config, re.MULTILINE)
        if found is None or not (firmware / found[1]).exists():
            msg = f"config.txt names no {key} that is there"
            raise BootError(msg)
    if f"root=LABEL={image.SYSTEM} " not in (firmware / "cmdline.txt").read_text("utf-8"):
        msg = "cmdline.txt does not name the root filesystem by its label"
        raise BootError(msg)


def _first_start(board: Board, network: HomeNetwork) -> str:
    """Power on and wait for the first page; return the label code from the screen."""
    with step("the board gets an address from the router"):
        board.power_on(ACCEPTANCE)
        address = board.wait_for("an address", network.leased, BOOT_S)
        print(f"         {address}")
    with step("the first page answers at that address, at port 80"):
        board.wait_for("the first page", lambda: _claim_page(network, f"http://{address}"), BOOT_S)
    with step("the screen shows address and label code"):
        code = board.wait_for("the label code", lambda: _last(CODE, board.screen()), STEP_S)
        _expect(f"http://qalqan.local or http://{address} " in board.screen(), "no address on the screen")
    with step("qalqan.local is that address, and the pages accept the name"):
        found = board.wait_for("an mDNS answer", lambda: _mdns(network), STEP_S)
        _expect(found == address, f"qalqan.local is {found}")
        named = network.parent.run(
            ["curl", "-s", "--resolve", f"qalqan.local:80:{address}", "http://qalqan.local/claim"], timeout=60
        )
        _expect('name="label"' in named.stdout, "the pages refuse the name qalqan.local")
    with step("qalqan acceptance finds no error"):
        found = board.wait_for("its result", lambda: _last(ACCEPTED, board.screen()), ACCEPTANCE_S)
        told = json.loads(found)
        for entry in told["results"]:
            print(f"         {entry['level']} {entry['about']}: {entry['text'] or entry['code']}")
        _expect(told["ok"], "the image is not accepted")
    return code


def _set_up(network: HomeNetwork, board: Board, code: str, folder: Path) -> None:
    """Claim the board, add a child with a device, and see that this device is filtered."""
    address = network.leased()
    assert address is not None
    pages = f"http://{address}"
    phone = Phone(network.parent, pages, folder / "cookies")
    with step("a parent claims it with the code"):
        page = phone.submit("/claim", label=code, name="Mum", password=PASSWORD)
        _expect("recovery" in page.lower(), "no page with the recovery code")
        recovery = _form(page, "the page with the recovery code")
        _expect("/parent/setup" in phone.post(recovery.action, noted="1"), "set-up does not begin")
    with step("the first child is added, with the tablet"):
        _ip(network.tablet, "route", "replace", "default", "via", address)
        is_reached(network.tablet, ALLOWED, address)  # the board sees the tablet
        phone.submit("/parent/setup/", language="en")
        phone.submit("/parent/setup/people", **{"name-1": "Daughter", "band-1": "10-12"})
        owner = f"of-{TABLET_MAC}"
        board.wait_for(
            "the tablet on the set-up page",
            lambda: "yes" if owner in phone.get("/parent/setup/devices") else None,
            STEP_S,
        )
        summary = phone.submit("/parent/setup/devices", **{owner: "daughter"})
        _expect("Daughter" in _text(summary), "the last page of set-up does not name the child")
        _expect("downloads them from public servers" in _text(summary), "nor that lists are downloaded")
    with step("the pages say that the tablet is filtered, and it is"):
        child = Phone(network.tablet, pages, folder / "child")
        board.wait_for("the child's page", lambda: "yes" if "Daughter" in child.get("/my") else None, STEP_S)
        _expect("Rules apply on this device" in child.get("/status"), "the status page does not say so")
        _expect("Daughter" in _text(phone.get("/parent/")), "the parent's home page does not name the child")
        board.wait_for(
            "a blocked site",
            lambda: "blocked" if is_blocked(network.tablet, BLOCKED, address) else None,
            STEP_S,
        )
        _expect(is_reached(network.tablet, ALLOWED, address), "an allowed site is not reached")


def _without_the_routers_dhcp(board: Board, network: HomeNetwork) -> None:
    """Switch the router's DHCP off and cut the board's power: it then serves addresses itself."""
    address = network.leased()
    assert address is not None
    with step("without the router's DHCP server, after a power cut, the board gives addresses"):
        board.cut_off()
        network.serve(dhcp=False)
        board.power_on()
        board.wait_for(
            "an offer", lambda: address if _offer(network.tablet) == (address, address) else None, BOOT_S
        )
    with step("the child is still filtered"):
        board.wait_for(
            "an allowed site", lambda: "yes" if is_reached(network.tablet, ALLOWED, address) else None, STEP_S
        )
        # The filter has been restarted for the new addresses, which leaves a gap (raspberry-pi.md).
        board.wait_for(
            "a blocked site",
            lambda: "blocked" if is_blocked(network.tablet, BLOCKED, address) else None,
            STEP_S,
        )
        _expect(is_reached(network.tablet, ALLOWED, address), "an allowed site is not reached")
        _expect(_last(CODE, board.screen()) is None, "the screen shows the label code of a claimed gateway")


# ------------------------------------------------------------------------------------------------- helpers


@contextmanager
def step(what: str) -> Iterator[None]:
    began = time.monotonic()
    yield
    print(f"{time.monotonic() - began:5.0f} s  {what}", flush=True)


def _expect(condition: object, problem: str) -> None:
    if not condition:
        raise BootError(problem)


def _ip(namespace: Namespace, *words: str) -> None:
    run(["ip", "-netns", namespace.name, *words])


def _claim_page(network: HomeNetwork, pages: str) -> str | None:
    done = network.parent.run(["curl", "-s", "--max-time", "20", f"{pages}/claim"], timeout=40)
    return "there" if 'name="label"' in done.stdout else None


def _mdns(network: HomeNetwork) -> str | None:
    """Return the answer to a question by multicast, as phones and computers ask."""
    _ip(network.parent, "route", "replace", f"{MDNS}/32", "dev", "eth0")
    done = network.parent.run([sys.executable, "-c", _MDNS, MDNS], timeout=30)
    return done.stdout.strip() if done.returncode == 0 else None


def is_reached(device: Namespace, host: str, resolver: str) -> bool:
    """Return whether a device finds a host by a resolver and gets its page, by HTTP and HTTPS."""
    if SERVER not in _dig(device, host, resolver, "+short").split():
        return False
    return all(_curl(device, scheme, host).stdout.startswith("reached") for scheme in ("http", "https"))


def is_blocked(device: Namespace, host: str, resolver: str) -> bool:
    """Return whether the filter refuses a host in DNS, plain HTTP and HTTPS. No answer is no refusal."""
    answer = _dig(device, host, resolver)
    return "EDE: " in answer and SERVER not in answer and _is_refused(device, host)


def _is_refused(device: Namespace, host: str) -> bool:
    """Return whether the filter sends plain HTTP to the page that explains it, and resets HTTPS."""
    return (
        "/refused?" in _curl(device, "http", host).stdout and _curl(device, "https", host).returncode in RESET
    )


def _dig(device: Namespace, host: str, resolver: str, *options: str) -> str:
    words = ["dig", "+time=5", "+tries=2", *options, f"@{resolver}", host, "A"]
    return device.run(words, timeout=60).stdout


def _curl(device: Namespace, scheme: str, host: str) -> subprocess.CompletedProcess[str]:
    """Ask for a host's page at SERVER. Standard output has the page, and the address of a redirection."""
    where = [part for port in (80, 443) for part in ("--resolve", f"{host}:{port}:{SERVER}")]
    argv = ["curl", "-s", "--insecure", "--max-time", "30", "-w", " %{redirect_url}", *where]
    return device.run([*argv, f"{scheme}://{host}/"], timeout=90)


def _offer(device: Namespace) -> tuple[str, str] | None:
    """Return the server and the gateway in the first DHCP offer that a device gets."""
    done = subprocess.run(
        device.command([sys.executable, "-c", _OFFERS]),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    offers = json.loads(done.stdout or "[]")
    return (offers[0][0], offers[0][1]) if offers else None


def _form(page: str, where: str, *names: str) -> Form:
    try:
        return form_with(page, *names)
    except LookupError as error:
        msg = f"{where}: {error}"
        raise BootError(msg) from error


def _last(pattern: re.Pattern[str], text: str) -> str | None:
    found = pattern.findall(text)
    return found[-1] if found else None


def _text(page: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", page).split())


if __name__ == "__main__":
    sys.exit(main())
