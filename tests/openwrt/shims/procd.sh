# Stands in for OpenWrt's /lib/functions/procd.sh: writes down what procd is told. What the real one would lose
# in silence (a parameter that it does not know, one outside an instance) begins with !! here.
# shellcheck shell=sh disable=SC2034,SC2154

TOLD=/told
_instance=

_words() {
	local word

	for word in "$@"; do printf ' [%s]' "$word" >> "$TOLD"; done
	printf '\n' >> "$TOLD"
}

_note() {
	printf '%s' "$1" >> "$TOLD"
	shift
	_words "$@"
}

procd_open_service() {
	_note "service" "$1"
}

procd_close_service() {
	_where=triggers
	service_triggers
	_where=
	_note "set"
}

procd_open_instance() {
	[ -z "$_instance" ] || _note "!! instance in an instance" "$1"
	_instance=$1
	_params=
	_note "  instance" "$1"
}

procd_close_instance() {
	[ -n "$_instance" ] || _note "!! closed without an instance"
	_instance=
}

_known() {
	case "$1" in
	env | data | limits | command | netdev | file | respawn | watch | watchdog | error | nice | term_timeout) ;;
	reload_signal | pidfile | user | group | seccomp | capabilities | facility | vrf | stdout | stderr | no_new_privs) ;;
	*) return 1 ;;
	esac
}

_parameter() { # indent and sign, name, words
	local head="$1$2"

	shift 2
	_note "$head" "$@"
}

procd_set_param() {
	[ -n "$_instance" ] || _note "!! parameter outside an instance" "$@"
	_known "$1" || _note "!! unknown parameter" "$@"
	list_contains _params "$1" && _note "!! set twice" "$@"
	_params="$_params $1"
	_parameter "    " "$@"
}

procd_append_param() {
	[ -n "$_instance" ] || _note "!! parameter outside an instance" "$@"
	_known "$1" || _note "!! unknown parameter" "$@"
	_params="$_params $1"
	_parameter "    + " "$@"
}

procd_add_jail() {
	[ -n "$_instance" ] || _note "!! jail outside an instance" "$@"
	_jail=$_instance
	_parameter "    " jail "$@"
}

procd_add_jail_mount() {
	[ "${_instance:-none}" = "$_jail" ] || _note "!! mount without a jail" "$@"
	_parameter "    " jail_mount "$@"
}

_trigger() {
	[ "$_where" = triggers ] || _note "!! trigger outside service_triggers" "$@"
	_note "  trigger" "$@"
}

procd_add_reload_trigger() {
	local file

	for file in "$@"; do _trigger config.change "$file" "$initscript" reload; done
}

procd_add_interface_trigger() {
	_trigger "$@"
}

# The real one adds it only where /etc/config/fstab mounts something there.
procd_add_restart_mount_trigger() {
	_trigger mount.add "$1" "$initscript" restart
}

procd_open_validate() {
	[ "$_where" = triggers ] || _note "!! validation outside service_triggers"
	_where=validate
}

procd_close_validate() {
	_where=triggers
}

procd_kill() {
	_note "delete" "$1"
}

_valid() { # value, type
	case "$2" in
	bool) [ -n "$(get_bool "$1")" ] ;;
	port) case "$1" in '' | *[!0-9]*) false ;; *) [ "$1" -le 65535 ] ;; esac ;;
	string | 'list(string)') ;;
	or\(*) case "$2" in *"\"$1\""*) ;; *) false ;; esac ;;
	*)
		_note "!! unknown type" "$2"
		false
		;;
	esac
}

# As the real one with /sbin/validate_data: what is valid is set (yes and no as 1 and 0), an empty or missing
# option has its default, a wrong one is unset and the result is not 0. Then the callback, where there is one.
uci_load_validate() {
	local _package=$1 _name=$3 _callback=$4 _result=0 _option _var _type _value

	if [ -z "$_name" ]; then
		# No section: it describes the options.
		[ "$_where" = validate ] || _note "!! validation outside procd_open_validate" "$@"
		_option=$2
		shift 4
		_note "  validation" "$_package" "$_option" "$@"
		return
	fi
	shift 4
	for _option in "$@"; do eval "local ${_option%%:*}"; done
	# A file with a line that is none: nothing of it is read.
	if grep -qv '^[[:space:]]*\(#\|config\|option\|list\|package\|$\)' "/etc/config/$_package"; then
		for _option in "$@"; do unset "${_option%%:*}"; done
		"$_callback" "$_name" 255
		return
	fi
	for _option in "$@"; do
		_var=${_option%%:*}
		_type=${_option#*:}
		_value="$(uci -q get "$_package.$_name.$_var")"
		if [ -z "$_value" ]; then
			case "$_type" in *:*) eval "$_var=\${_type#*:}" ;; *) unset "$_var" ;; esac
		elif _valid "$_value" "${_type%%:*}"; then
			[ "${_type%%:*}" != bool ] || _value="$(get_bool "$_value")"
			eval "$_var=\$_value"
		else
			unset "$_var"
			_result=255
		fi
	done
	[ -n "$_callback" ] || return "$_result"
	"$_callback" "$_name" "$_result"
}
