from __future__ import annotations

from pathlib import Path

from gateway.lan.leases import Leases, read_leases


def test_names_by_mac(tmp_path: Path) -> None:
    path = tmp_path / "dhcp.leases"
    path.write_text(
        "1764000000 02:00:00:00:00:0A 192.168.1.20 tablet 01:02:00:00:00:00:0a\n"
        "1764000000 02:00:00:00:00:0b 192.168.1.21 * *\n"
        "duid 00:01\n"
        "broken\n"
        "1764000000 02:00:00:00:00:0c 192.168.1.22 <script>alert(1)</script> *\n"
        f"1764000000 02:00:00:00:00:0d 192.168.1.23 {'x' * 300} *\n"
        "1764000000 11259375 2001:db8::20 six 00:01:00:01:2a:bb:cc:dd:02:00:00:00:00:0e\n"
        "1764000000 T11259375 2001:db8::21 * 00:01\n"
    )
    assert read_leases(path) == Leases(
        {
            "02:00:00:00:00:0a": "tablet",
            "02:00:00:00:00:0c": "<script>alert(1)</script>",
            "02:00:00:00:00:0d": "x" * 64,
        },
        {"2001:db8::20": "six"},
    )


def test_the_state_file_of_odhcpd(tmp_path: Path) -> None:
    path = tmp_path / "odhcpd.leases"
    path.write_text(
        "192.168.1.20\ttablet.lan\ttablet\n"
        "# br-lan 02000000000a ipv4 tablet 1764000000 c0a80114 32 192.168.1.20/32\n"
        "# br-lan 02000000000b ipv4 - 1764000000 c0a80115 32 192.168.1.21/32\n"
        "# br-lan 02000000000c ipv4 broken\\x20<b> 1764000000 c0a80116 32 192.168.1.22/32\n"
        "# br-lan 0001000129aabbcc02000000000d 1234 laptop 1764000000 20 128 2001:db8::20/128 fd00::20/128\n"
        "# br-lan 00030001020000000 00f x 1764000000 20 128\n"
        "# br-lan 0003000102000000000f 99 later -1 0 128\n"
        "# br-lan short\n"
        "# br-lan zz000000000e ipv4 nohex 1764000000 c0a80117 32 192.168.1.23/32\n"
    )
    assert read_leases(path) == Leases(
        {"02:00:00:00:00:0a": "tablet", "02:00:00:00:00:0f": "later"},
        {"2001:db8::20": "laptop", "fd00::20": "laptop"},
    )


def test_no_file_and_no_text(tmp_path: Path) -> None:
    assert read_leases(tmp_path / "none") == Leases()
    (tmp_path / "noise").write_bytes(bytes(range(256)) * 10)
    assert read_leases(tmp_path / "noise") == Leases()
