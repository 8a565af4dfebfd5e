"""Changes the running machine for setup: sysctls, address translation, services."""

from __future__ import annotations

import subprocess
from contextlib import suppress
from pathlib import Path

from gateway.core.errors import KernelError
from gateway.core.programs import find_program
from gateway.kernel.nft import Nft
from gateway.setup.facts import NAT_TABLE, SetupError

PROC_SYS = Path("/proc/sys")
SYSTEMD = Path("/run/systemd/system")  # sd_booted(3)
PATIENCE = 200.0  # seconds for a service to be ready; its unit gives it 180
_IGNORED = ".dpkg-dist,.dpkg-old,.dpkg-new"  # as in Debian's service


class System:
    """Reads and sets sysctls, loads NAT rules, and starts and stops services of this machine.

    ``root``: the folder of its files; with any other than / no service is touched. Sysctls and NAT rules are
    those of the running kernel in any case.
    """

    def __init__(self, root: Path = Path("/")) -> None:
        self._root = root
        self.has_services = root == Path("/") and SYSTEMD.is_dir() and find_program("systemctl") is not None

    def sysctl(self, name: str) -> str:
        """Return a sysctl's value. Raises SetupError if it does not exist or cannot be read."""
        try:
            return (PROC_SYS / name).read_text("ascii").strip()
        except OSError as error:
            raise _unset(name, error) from error

    def set_sysctl(self, name: str, value: str) -> None:
        """Set a sysctl; one that does not exist is ignored. Raises SetupError if the kernel refuses it."""
        path = PROC_SYS / name
        with suppress(FileNotFoundError):
            try:
                if path.read_text("ascii").strip() != value:
                    path.write_text(value, "ascii")
            except FileNotFoundError:
                raise
            except OSError as error:
                raise _unset(name, error) from error

    def translate(self, rules: bytes | None) -> None:
        """Load setup's nftables table of address translation (NAT), or remove it (None).

        Raises SetupError.
        """
        table = f"table inet {NAT_TABLE}"
        text = f"{table}\ndelete {table}\n" if rules is None else rules.decode("utf-8", "replace")
        try:
            nft = Nft()
        except KernelError as error:
            raise SetupError(str(error)) from error
        try:
            nft.apply(text)
        except KernelError as error:
            msg = f"the kernel refuses nat.nft: {error}"
            raise SetupError(msg) from error
        finally:
            nft.close()

    def test_dnsmasq(self) -> None:
        """Raise SetupError unless dnsmasq accepts its files, including the one that setup wrote.

        Does nothing if dnsmasq is not installed.
        """
        program = find_program("dnsmasq")
        if program is None:
            return
        main = self._root / "etc/dnsmasq.conf"
        files = [f"--conf-file={main if main.exists() else '/dev/null'}"]
        files.append(f"--conf-dir={self._root / 'etc/dnsmasq.d'},{_IGNORED}")
        done = subprocess.run([program, "--test", *files], capture_output=True, text=True, check=False)
        if done.returncode:
            said = " ".join(done.stderr.split()).removeprefix("dnsmasq: ")
            msg = f"dnsmasq would not start with our file: {said}; nothing was changed"
            raise SetupError(msg)

    def start(self, units: tuple[str, ...], enabling: tuple[str, ...]) -> None:
        """Enable the units in ``enabling``, then (re)start all ``units`` in order. Raises SetupError.

        The error has systemd's message.
        """
        self._systemctl("enable", *enabling)
        for unit in units:
            self._systemctl("restart", unit)

    def stop(self, units: tuple[str, ...], enabled: tuple[str, ...]) -> None:
        if self.has_services:
            self._systemctl("stop", *units)
            self._systemctl("disable", *enabled)

    @staticmethod
    def not_enabled(units: tuple[str, ...]) -> tuple[str, ...]:
        """Return the units that nothing starts at the next boot, so that setup must enable them."""
        states = {}
        for unit in units:
            ask = ["systemctl", "is-enabled", unit]
            states[unit] = subprocess.run(ask, capture_output=True, text=True, check=False).stdout.strip()
        brought = ("enabled", "static", "indirect", "generated")
        return tuple(unit for unit, state in states.items() if state not in brought)

    def start_dnsmasq(self) -> None:
        if self.has_services:
            self._systemctl("enable", "dnsmasq.service")
            self._systemctl("restart", "dnsmasq.service")

    def restart_dnsmasq(self) -> None:
        """Restart dnsmasq if it is running as a service. Raises SetupError."""
        if self.has_services:
            self._systemctl("try-restart", "dnsmasq.service")

    def _systemctl(self, *words: str) -> None:
        if len(words) == 1:
            return  # no unit is given
        try:
            done = subprocess.run(
                ["systemctl", *words], capture_output=True, text=True, timeout=PATIENCE, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            msg = f"systemctl {' '.join(words)}: {error}"
            raise SetupError(msg) from error
        if done.returncode:
            said = " ".join(done.stderr.split()) or f"exit status {done.returncode}"
            msg = f"systemctl {' '.join(words)}: {said}; see: journalctl -u {words[-1]}"
            raise SetupError(msg)


def _unset(name: str, error: OSError) -> SetupError:
    msg = (
        f"the kernel's {name} cannot be set ({error.strerror or error}); run this as root, outside a "
        "container"
    )
    return SetupError(msg)
