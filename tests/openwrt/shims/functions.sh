# Stands in for OpenWrt's /lib/functions.sh, as far as our scripts use it. Values come from the `uci` beside it.
# shellcheck shell=sh

list_contains() {
	local found

	eval "found=\" \$$1 \""
	case "$found" in *" $2 "*) return 0 ;; esac
	return 1
}

# Sets CONFIG_<section>_<option> for what is written, as the real one does.
config_load() {
	eval "$(uci -q assignments "$1")"
}

config_get() {
	eval "$1=\"\${CONFIG_$2_$3:-\$4}\""
}

get_bool() {
	case "$1" in
	1 | on | true | yes | enabled) printf 1 ;;
	0 | off | false | no | disabled) printf 0 ;;
	*) printf %s "$2" ;;
	esac
}

config_get_bool() {
	local found

	config_get found "$2" "$3"
	eval "$1=\"$(get_bool "$found" "$4")\""
}

user_exists() {
	grep -qs "^$1:" /etc/passwd
}

# Users are in the root already.
add_group_and_user() { return 0; }

# As the real one does on a running router: $pkgname and PKG_UPGRADE are the script's.
default_postinst() {
	local script

	# shellcheck disable=SC2013,SC2154 # paths without spaces
	for script in $(grep -s "^/etc/init.d/" "/lib/apk/packages/$pkgname.list"); do
		[ "$PKG_UPGRADE" = 1 ] || "$script" enable
		"$script" start
	done
}
