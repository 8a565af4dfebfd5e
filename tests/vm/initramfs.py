"""The first file system of the virtual machine: busybox, a few modules, and two scripts.

It mounts the host's root read-only with a layer in memory over it, and hands over to the second script there:
the machine runs the host's own programs and can change nothing on the host's disk.
"""

from __future__ import annotations

import lzma
import shlex
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path

TAG = "host"  # the name under which QEMU offers the host's root
RESULT_MARK = "@@exit"  # what starts the last line, before the exit status
_MODULES = ("9p", "9pnet_virtio", "overlay")

_FIRST = """\
#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t devtmpfs dev /dev
for module in {modules}; do insmod /modules/$module; done
mount -t 9p -o ro,trans=virtio,version=9p2000.L,cache=loose,msize=512000 {tag} /host
mount -t tmpfs layer /layer
mkdir /layer/upper /layer/work
mount -t overlay -o lowerdir=/host,upperdir=/layer/upper,workdir=/layer/work root /root
mount -t proc proc /root/proc
mount -t sysfs sys /root/sys
mount -t devtmpfs dev /root/dev
mount -t tmpfs run /root/run
cp /second /root/run/second
exec switch_root /root /bin/sh /run/second
"""

_SECOND = """\
exec </dev/null >/dev/ttyS1 2>&1
stty -F /dev/ttyS1 raw
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 NO_COLOR=1
mkdir -p /lib/modules/{release}
mount --bind {modules} /lib/modules/{release}
mkdir -p /dev/pts
mount -t devpts -o ptmxmode=0666 devpts /dev/pts
ip link set lo up
cd {folder}
{command}
echo {mark} $?
sync
echo o > /proc/sysrq-trigger
sleep 60
"""


def build(busybox: Path, modules: Path, command: list[str], folder: Path) -> bytes:
    """An archive for QEMU's ``-initrd``. ``modules`` is the kernel's own folder, after depmod.

    ``command`` is run in ``folder``, both as the host has them; its output goes to the second serial line.
    """
    dependencies = parse_dependencies((modules / "modules.dep").read_text())
    files = [modules / path for path in load_order(dependencies, _MODULES)]
    names = [path.name.partition(".")[0] + ".ko" for path in files]
    first = _FIRST.format(modules=" ".join(names), tag=TAG)
    second = _SECOND.format(
        release=shlex.quote(modules.name),
        modules=shlex.quote(str(modules)),
        folder=shlex.quote(str(folder)),
        command=shlex.join(command),
        mark=RESULT_MARK,
    )
    folders = ("bin", "dev", "host", "layer", "modules", "proc", "root")
    return archive(
        {
            **dict.fromkeys(folders),
            "bin/busybox": busybox.read_bytes(),
            "init": first.encode(),
            "second": second.encode(),
            **{
                f"modules/{name}": lzma.decompress(path.read_bytes())
                for name, path in zip(names, files, strict=True)
            },
        }
    )


def parse_dependencies(text: str) -> dict[str, tuple[str, ...]]:
    """modules.dep: path of each module → the paths that it needs, those to be loaded last first."""
    pairs = (line.partition(":") for line in text.splitlines() if line)
    return {path: tuple(needed.split()) for path, _, needed in pairs}


def load_order(dependencies: Mapping[str, tuple[str, ...]], wanted: Iterable[str]) -> list[str]:
    """Paths of the modules with these names and of all that they need, each once, needs first.

    A name that is not there is built into the kernel.
    """
    paths = {path.rpartition("/")[2].partition(".")[0]: path for path in dependencies}
    order: dict[str, None] = {}
    for name in wanted:
        if (path := paths.get(name)) is not None:
            order.update(dict.fromkeys((*reversed(dependencies[path]), path)))
    return list(order)


def archive(entries: Mapping[str, bytes | None]) -> bytes:
    """A cpio archive, "newc" (cpio(5)): executable files, and folders where there is no content."""
    out = bytearray()
    for number, (name, content) in enumerate({**entries, "TRAILER!!!": b""}.items(), 1):
        kind = stat.S_IFDIR if content is None else stat.S_IFREG
        data = content or b""
        path = name.encode() + b"\0"
        # inode, mode, uid, gid, links, mtime, size, two device numbers twice, length of the name, checksum
        fields = (number, kind | 0o755, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(path), 0)
        out += b"070701" + b"".join(b"%08x" % field for field in fields) + path
        out += bytes(-len(out) % 4) + data
        out += bytes(-len(out) % 4)
    return bytes(out)
