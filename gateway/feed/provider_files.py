"""The files of a provider, which the signed feed delivers: sealed lists, state registers, the release.

`qalqan.yaml` names a sealed list or a register in this folder by its path, like any other file. It is checked
like any other file too.
"""

from __future__ import annotations

from pathlib import Path

from gateway.feed.data_set import FEED
from gateway.policy.config.config import Config
from gateway.policy.config.registers import MAX_BYTES

FOLDER = "provider"  # in the folder of the feed
RELEASE = "release"  # which version of the package to install, and which settings (docs/providers/rollout.md)
MAX_PROVIDER_FILE = MAX_BYTES  # of a register, the largest of these files


def provider_folder(state: Path) -> Path:
    """Return the path of the folder for the internet provider's files. Only the daemon's user can read it."""
    return state / FEED / FOLDER


def named_files(config: Config) -> tuple[str, ...]:
    """Return the names of files in the provider's folder that `qalqan.yaml` uses, existing or not.

    These are sealed lists (hashed host names) and state registers (sites that a state blocks).
    Registers that are off are left out.
    """
    folder = provider_folder(Path(config.state))
    registers = (register.file for register in config.registers if register.on)
    files = (*(source.file for source in config.sealed), *registers)
    return tuple(sorted({path.name for path in map(Path, files) if path.parent == folder}))
