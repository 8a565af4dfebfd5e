from __future__ import annotations

from pathlib import Path

from gateway.home.leases import read_leases


def test_names_by_mac(tmp_path: Path) -> None:
    path = tmp_path / "dhcp.leases"
    path.write_text(
        "1764000000 02:00:00:00:00:0A 192.168.1.20 tablet 01:02:00:00:00:00:0a\n"
        "1764000000 02:00:00:00:00:0b 192.168.1.21 * *\n"
        "duid 00:01\n"
        "broken\n"
        "1764000000 02:00:00:00:00:0c 192.168.1.22 <script>alert(1)</script> *\n"
        f"1764000000 02:00:00:00:00:0d 192.168.1.23 {'x' * 300} *\n"
    )
    assert read_leases(path) == {
        "02:00:00:00:00:0a": "tablet",
        "02:00:00:00:00:0c": "<script>alert(1)</script>",
        "02:00:00:00:00:0d": "x" * 63,
    }


def test_no_file_and_no_text(tmp_path: Path) -> None:
    assert read_leases(tmp_path / "none") == {}
    (tmp_path / "noise").write_bytes(bytes(range(256)) * 10)
    assert read_leases(tmp_path / "noise") == {}
