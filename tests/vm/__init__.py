"""`make vm`: the rulesets and the daemon on Debian's stock kernel, in QEMU (docs/developers/vm.md)."""
