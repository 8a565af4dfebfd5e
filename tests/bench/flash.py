"""What eight children cost the flash in a day: bytes handed to it, and how often it is told to keep them.

The day passes in a process of its own (flashday.py), under a shim that counts what SQLite and Python call.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from gateway.policy.config.config import Flash
from tests.bench.figures import Figure, Settings, Skipped, at_most

ROOT = Path(__file__).resolve().parents[2]
CHILDREN = 8
MARKS = {Flash.POOR: (16.0, 1500.0)}  # MB and times a day

_SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

static long long written, synced;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t write(int fd, const void *data, size_t size)
{
    ssize_t done = REAL(write)(fd, data, size);
    if (fd > 2 && done > 0) written += done;
    return done;
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at)
{
    ssize_t done = REAL(pwrite64)(fd, data, size, at);
    if (done > 0) written += done;
    return done;
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t at)
{
    ssize_t done = REAL(pwrite)(fd, data, size, at);
    if (done > 0) written += done;
    return done;
}

int fsync(int fd) { synced++; return 0; }
int fdatasync(int fd) { synced++; return 0; }

__attribute__((destructor)) static void tell(void)
{
    const char *path = getenv("FLASH_TOLD");
    FILE *file = path ? fopen(path, "w") : NULL;
    if (!file) return;
    fprintf(file, "[%lld, %lld]\n", written, synced);
    fclose(file);
}
"""


def measure(settings: Settings) -> Iterator[Figure]:
    folder = settings.folder / "flash"
    folder.mkdir(parents=True, exist_ok=True)
    shim = _shim(folder)
    for flash in Flash:
        size, syncs = a_day(folder / flash.value, shim, flash)
        name = f"flash, a day of {CHILDREN} children, `flash: {flash.value}`"
        most = MARKS.get(flash)
        note = f"the state folder has {_size(folder / flash.value) / 1e6:.1f} MB after it"
        if most is None:
            yield Figure(f"{name}, written", size / 1e6, "MB", note=note)
            yield Figure(f"{name}, syncs", syncs, "times")
        else:
            yield at_most(f"{name}, written", size / 1e6, "MB", most[0], note)
            yield at_most(f"{name}, syncs", syncs, "times", most[1])


def a_day(folder: Path, shim: Path, flash: Flash) -> tuple[int, int]:
    """Bytes and syncs of a day in ``folder``, the second of two: the first one makes files and tables."""
    told = folder.with_suffix(".json")
    for day in (1, 2):
        argv = [sys.executable, "-m", "tests.bench.flashday", str(folder), flash.value, str(day)]
        environment = {**os.environ, "LD_PRELOAD": str(shim), "FLASH_TOLD": str(told)}
        subprocess.run(argv, cwd=ROOT, env=environment, check=True)
    size, syncs = json.loads(told.read_text())
    return int(size), int(syncs)


def _shim(folder: Path) -> Path:
    library = folder / "shim.so"
    argv = ["gcc", "-O2", "-shared", "-fPIC", "-x", "c", "-", "-o", str(library), "-ldl"]
    try:
        subprocess.run(argv, input=_SHIM, text=True, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        msg = f"no shim: {error}"
        raise Skipped(msg) from error
    return library


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
