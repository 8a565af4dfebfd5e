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
