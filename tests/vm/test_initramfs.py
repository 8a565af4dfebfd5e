"""The archive that the machine starts from, read again by the rules of cpio(5)."""

from __future__ import annotations

import lzma
import stat
from pathlib import Path

from tests.vm.initramfs import archive, build, load_order, parse_dependencies

_DEP = """\
kernel/fs/9p/9p.ko.xz: kernel/net/9p/9pnet.ko.xz kernel/fs/netfs/netfs.ko.xz
kernel/net/9p/9pnet_virtio.ko.xz: kernel/net/9p/9pnet.ko.xz kernel/fs/netfs/netfs.ko.xz
kernel/net/9p/9pnet.ko.xz: kernel/fs/netfs/netfs.ko.xz
kernel/fs/netfs/netfs.ko.xz:
kernel/fs/overlayfs/overlay.ko.xz:
"""


def _read(data: bytes) -> dict[str, tuple[int, bytes]]:
    """Name → mode and content, up to the trailer."""
    found: dict[str, tuple[int, bytes]] = {}
    start = 0
    while True:
        assert data[start : start + 6] == b"070701"
        fields = [int(data[start + 6 + 8 * n : start + 14 + 8 * n], 16) for n in range(13)]
        mode, size, name_size = fields[1], fields[6], fields[11]
        name = data[start + 110 : start + 110 + name_size]
        assert name.endswith(b"\0")
        body = (start + 110 + name_size + 3) & ~3
        if name == b"TRAILER!!!\0":
            assert len(data) == body
            return found
        found[name[:-1].decode()] = mode, data[body : body + size]
        start = (body + size + 3) & ~3


def test_every_length_is_read_back() -> None:
    entries: dict[str, bytes | None] = {"bin": None, **{f"bin/{'x' * n}": b"y" * n for n in range(1, 10)}}
    read = _read(archive(entries))
    assert list(read) == list(entries)
    for name, content in entries.items():
        mode, data = read[name]
        assert stat.S_ISDIR(mode) == (content is None)
        assert stat.S_IMODE(mode) == 0o755
        assert data == (content or b"")


def test_modules_come_after_what_they_need() -> None:
    order = load_order(parse_dependencies(_DEP), ("9p", "9pnet_virtio", "overlay", "builtin"))
    names = [path.rpartition("/")[2].removesuffix(".ko.xz") for path in order]
    assert names == ["netfs", "9pnet", "9p", "9pnet_virtio", "overlay"]


def test_scripts_name_the_modules_and_quote_the_command(tmp_path: Path) -> None:
    modules = tmp_path / "6.12.0-test"
    for path in parse_dependencies(_DEP):
        (modules / path).parent.mkdir(parents=True, exist_ok=True)
        (modules / path).write_bytes(lzma.compress(path.encode()))
    (modules / "modules.dep").write_text(_DEP)
    busybox = tmp_path / "busybox"
    busybox.write_bytes(b"ELF")
    read = _read(build(busybox, modules, ["echo", "a b", "$HOME"], tmp_path / "it's here"))
    first, second = read["init"][1].decode(), read["second"][1].decode()
    assert "for module in netfs.ko 9pnet.ko 9p.ko 9pnet_virtio.ko overlay.ko; do" in first
    assert "-o ro," in first, "the host's root is never written to"
    assert read["modules/9p.ko"][1] == b"kernel/fs/9p/9p.ko.xz"
    assert f"mount --bind {modules} /lib/modules/6.12.0-test\n" in second
    assert "\necho 'a b' '$HOME'\n" in second
    assert """it'"'"'s here'\n""" in second
