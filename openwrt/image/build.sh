#!/bin/sh
# build.sh IMAGEBUILDER PROFILE FEED KEY [FILES]: one image of OpenWrt 24.10 or 25.12 with Qalqan and a provider's
# preset. FEED: the folder with the packages of all releases, FEED/24.10/ARCH and so on. KEY: the public key by which
# its index is signed (usign's for 24.10, a PEM file for 25.12). Runs on a machine of the provider, not on a router.

set -eu

usage="usage: build.sh IMAGEBUILDER PROFILE FEED KEY [FILES]"
builder="${1:?$usage}" profile="${2:?$usage}" feed="${3:?$usage}" key="${4:?$usage}"
here="$(cd "$(dirname "$0")" && pwd)"
files="${5:-$here/files}"

of() {
	sed -n "s/^$1=\"\\{0,1\\}\\([^\"]*\\)\"\\{0,1\\}\$/\\1/p" "$builder/.config"
}

once() {
	grep -qxF "$1" "$2" 2> /dev/null || echo "$1" >> "$2"
}

sh "$here/check.sh" "$files"

release="$(of CONFIG_VERSION_NUMBER)"
release="${release%.*}"
place="$feed/$release/$(of CONFIG_TARGET_ARCH_PACKAGES)"
whole="$(mktemp -d)"
trap 'rm -rf "$whole"' EXIT
cp -R "$files/." "$whole"
chmod 0755 "$whole" "$whole"/etc/uci-defaults/*

# The feed and its key: for the builder now, and in the image for later updates.
if [ "$(of CONFIG_USE_APK)" = y ]; then
	mkdir -p "$whole/etc/apk/keys" "$whole/etc/apk/repositories.d" "$builder/keys"
	cp "$key" "$whole/etc/apk/keys/isp.pem"
	cp "$key" "$builder/keys/isp.pem"
	sources="$builder/repositories"
	[ -e "$sources" ] || sources="$builder/repositories.conf"
	once "$place/packages.adb" "$sources"
	echo "$place/packages.adb" > "$whole/etc/apk/repositories.d/isp.list"
else
	mkdir -p "$whole/etc/opkg/keys" "$builder/keys"
	print="$("$builder/staging_dir/host/bin/usign" -F -p "$key")"
	cp "$key" "$whole/etc/opkg/keys/$print"
	cp "$key" "$builder/keys/$print"
	once "src/gz isp $place" "$builder/repositories.conf"
	echo "src/gz isp $place" > "$whole/etc/opkg/customfeeds.conf"
fi

packages="$(sed 's/#.*//' "$here/packages" | tr '\n' ' ' | tr -s ' ')"
make -C "$builder" image PROFILE="$profile" PACKAGES="$packages" FILES="$whole" EXTRA_IMAGE_NAME=isp
