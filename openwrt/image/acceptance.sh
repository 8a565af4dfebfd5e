#!/bin/sh
# acceptance.sh IMAGE [QEMU-OPTION...]: boots an image in QEMU and runs `qalqan acceptance --json` in it over the
# serial console. Prints its JSON. Exit status: 0 accepted, 1 not accepted, 3 it could not run.
# The environment: QEMU, the machine, with its serial console at stdio; START and WITHIN, seconds for the start and
# for the test.

set -eu

image="${1:?usage: acceptance.sh IMAGE [QEMU-OPTION...]}"
shift
# The first network card is the LAN, without internet access; the second is the WAN.
card=user,model=virtio-net-pci
pc="qemu-system-x86_64 -accel kvm -accel tcg -m 512 -smp 2 -nodefaults -display none -serial stdio"
machine="${QEMU:-$pc -nic $card,restrict=on -nic $card}"
start="${START:-300}" within="${WITHIN:-300}"

folder="$(mktemp -d)"
console="$folder/console"
: > "$console"
process=
trap '[ -z "$process" ] || kill "$process" 2> /dev/null || :; rm -rf "$folder"' EXIT
trap 'exit 3' INT TERM

fail() {
	echo "acceptance.sh: $1. The console's last lines:" >&2
	tail -n 5 "$console" >&2
	exit 3
}

lines() {
	tr -d '\r' < "$console"
}

# Waits until the console has a line with the pattern $1, $2 seconds at most. Types $3 every other second.
await() {
	left="$2"
	until lines | grep -q "$1"; do
		kill -0 "$process" 2> /dev/null || fail "the machine ended"
		[ "$left" -gt 0 ] || fail "$4 took more than $2 s"
		[ -z "$3" ] || echo "$3" >&3
		sleep 2
		left=$((left - 2))
	done
}

case "$image" in
*.gz)
	# A checksum follows the image, and gzip warns about it.
	gzip -dc "$image" > "$folder/disk" 2> /dev/null || [ -s "$folder/disk" ]
	image="$folder/disk"
	;;
esac
mkfifo "$folder/keys"
exec 3<> "$folder/keys"
# With `snapshot`, the image does not change.
# shellcheck disable=SC2086 # the machine is several words
$machine -drive "file=$image,format=raw,if=virtio,snapshot=on" "$@" < "$folder/keys" > "$console" 2>&1 3>&- &
process="$!"

# The first line only wakes the console. It echoes the command, but not the result of the sum.
# shellcheck disable=SC2016 # the router's shell computes it
await '^qalqan-ready-2$' "$start" 'echo qalqan-ready-$((1 + 1))' "the start"
echo "dmesg -n 1; qalqan acceptance --json --within $within; echo qalqan-status-\$?" >&3
await '^qalqan-status-[0-9]' "$((within + 60))" '' "the test"

status="$(lines | sed -n 's/^qalqan-status-\([0-9]*\)$/\1/p')"
lines | grep '^{"ok"' || fail "there is no result, status $status"
[ "$status" = 0 ] || exit 1
