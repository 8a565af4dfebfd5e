"""``python -m gateway.mqtt.process SETTINGS LOG CONFIG``: the process that `qalqan mqtt` starts.

SETTINGS is JSON (`gateway.cli.commands.mqtt`), LOG the log format, CONFIG the path of qalqan.yaml. When that
file changes, another process reads it: this one has neither the YAML library nor the parser.
"""

from __future__ import annotations

import json
import logging
import signal
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gateway.policy.config.mqtt import MqttSettings

LOOK_EVERY = 5.0  # seconds between checks of the file while MQTT is off
RETRY = 30.0  # seconds until files that could not be read are tried again
READING = 60.0  # seconds for the process that reads the settings; a slow router needs five

log = logging.getLogger(__name__)


def main(text: str, form: str, config: str) -> int:
    """Run the MQTT bridge until SIGTERM, or until a parent turns MQTT off on the pages.

    ``text``: the settings as JSON. ``form``: the log format. ``config``: the path of qalqan.yaml. While
    the settings have no `mqtt`, waits for it. Turning MQTT off on the pages deletes the token's file, by
    which this process recognises it. Return 0, the exit status.
    """
    from gateway.core.compact_dataclasses import install_compact_dataclasses
    from gateway.core.privileges import no_new_privileges
    from gateway.core.process_memory import disable_core_dumps

    no_new_privileges()
    disable_core_dumps()  # one would contain names, and a parent's token
    install_compact_dataclasses()
    from gateway.control.contract.home_automation import TOKEN_FILE

    # paho would load dnspython for SRV records, which nothing here uses: 18 MB where it is installed.
    sys.modules["dns.resolver"] = None  # type: ignore[assignment]
    from gateway.core import logs

    logs.configure(form)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    watch = SettingsWatch(json.loads(text), Path(config))
    if watch.settings is None:
        log.info("MQTT is off: %s has no key 'mqtt'. Waiting for it.", config)
    while not stop.is_set():
        settings = watch.settings
        if settings is None:
            stop.wait(LOOK_EVERY)
            watch.look()
            continue
        connect(watch, settings, stop)
        token = Path(settings.token_file)
        if watch.settings is None and token.name == TOKEN_FILE and not token.exists():
            log.info("MQTT was turned off on the pages. Ending, until it is turned on there.")
            break
    return 0


def connect(watch: SettingsWatch, settings: MqttSettings, stop: threading.Event) -> None:
    """Run a bridge with these settings until the settings or the password file change, or ``stop`` is set.

    At the end it deletes its retained messages if MQTT is off now or has other topics, but not if
    ``stop`` is set. If the password file or the CA certificate cannot be used, logs it and returns
    after RETRY seconds, or earlier for the same reasons as above.
    """
    from gateway.control.client import Client
    from gateway.core.errors import GatewayError
    from gateway.core.process_memory import drop_read_pages, forget_annotations_and_docstrings, settle
    from gateway.mqtt.bridge import Bridge, report

    client, password = Client(watch.socket), _password_version(settings)

    def ended() -> bool:
        changed = watch.look() != settings or _password_version(settings) != password
        return stop.is_set() or changed

    try:
        bridge = Bridge(client, settings)
    except GatewayError as error:
        log.warning("%s. Trying again in %.0f seconds.", error, RETRY)
        report(client, "files")
        again = time.monotonic() + RETRY
        while not ended() and time.monotonic() < again:
            stop.wait(1.0)
        return
    forget_annotations_and_docstrings("gateway.", "paho.")
    settle()
    drop_read_pages()
    try:
        bridge.run(ended)
    finally:
        new = watch.settings
        bridge.close(clear=not stop.is_set() and (new is None or not new.same_topics(settings)))


class SettingsWatch:
    """Holds the MQTT settings, and reads them again when qalqan.yaml has changed.

    An invalid file leaves the last settings in use. So does a failure of the process that reads it; then
    the file is read again after RETRY seconds.
    """

    def __init__(self, values: Mapping[str, Any], config: Path) -> None:
        self._config = config
        self._seen = _version(config)
        self._next_read = 0.0  # not before this time, in seconds of the monotonic clock
        self.socket = Path(values["control"])
        self.settings = _settings(values)
        _report(values)

    def look(self) -> MqttSettings | None:
        """Read the settings again if their file has changed.

        Return the settings in use; None: MQTT is off.
        """
        version = _version(self._config)
        if version != self._seen and time.monotonic() >= self._next_read:
            try:
                values = self._read()
            except OSError as error:
                self._next_read = time.monotonic() + RETRY
                log.warning(
                    "%s could not be read: %s. The last settings apply. Trying again in %.0f seconds.",
                    self._config,
                    error,
                    RETRY,
                )
                return self.settings
            self._seen = version
            # A wrong `mqtt` is reported and missing: that does not turn it off.
            if values is not None and not _report(values):
                self.settings = _settings(values)
        return self.settings

    def _read(self) -> Mapping[str, Any] | None:
        """Return the settings in the file; None, with a warning, if it is invalid.

        Raises OSError if the process that reads it does not start, is killed, or takes longer than READING.
        """
        import subprocess  # rarely used

        command = (sys.executable, "-m", "gateway", "--config", str(self._config), "mqtt", "--settings")
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=READING, check=False)
        except subprocess.TimeoutExpired:
            problem = f"took more than {READING:.0f} seconds"
            raise TimeoutError(problem) from None
        if done.returncode < 0:
            problem = f"stopped by signal {-done.returncode}"
            raise ChildProcessError(problem)
        if done.returncode:
            log.warning("%s. The last settings apply.", done.stderr.strip())
            return None
        values: Mapping[str, Any] = json.loads(done.stdout)
        return values


def _settings(values: Mapping[str, Any]) -> MqttSettings | None:
    from gateway.policy.config.mqtt import MqttSettings

    found = values["mqtt"]
    return None if found is None else MqttSettings(**{**found, "children": tuple(found["children"])})


def _report(values: Mapping[str, Any]) -> bool:
    """Log the problems of the MQTT settings as warnings, and return whether there is one."""
    problems = [problem for problem in values["problems"] if ": mqtt" in problem]
    for problem in problems:
        log.warning("%s", problem)
    return bool(problems)


def _password_version(settings: MqttSettings) -> tuple[int, int, int] | None:
    return _version(Path(settings.password_file)) if settings.password_file else None


def _version(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_ino, found.st_mtime_ns, found.st_size)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))
