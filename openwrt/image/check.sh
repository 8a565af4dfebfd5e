#!/bin/sh
# check.sh FILES: checks that the files of an image filter nothing and open nothing before a person in the home sets the
# gateway up. Prints a line for each error: what filters, opens, is equal in every household, or does not work.

FILES="${1:?usage: check.sh FILES}"
PRESET="$FILES/etc/isp/qalqan-preset"
wrong=0

no() {
	echo "$1"
	wrong=1
}

# Check that the value is a path of a file in the image.
brought() {
	case "$value" in
	/*) [ -f "$FILES$value" ] || no "$PRESET:$number: $value is not among the image's files" ;;
	*) no "$PRESET:$number: '$key' is the whole path of a file in the image" ;;
	esac
}

# Print the number of characters, not of bytes: without those that continue a character in UTF-8.
letters() {
	printf %s "$1" | LC_ALL=C tr -d '\200-\277' | wc -c
}

# Keys: the same list as in 99-isp-qalqan. Values: those that the gateway can use.
lines() {
	number=0
	while IFS='=' read -r key value || [ -n "$key" ]; do
		number=$((number + 1))
		case "$key" in
		'' | '#'*) continue ;;
		brand.name)
			[ "$(letters "$value")" -le 40 ] || no "$PRESET:$number: a name has at most 40 letters"
			;;
		brand.colour)
			echo "$value" | grep -qx '#[0-9A-Fa-f]\{6\}' || no "$PRESET:$number: a colour is written #0b5d3b"
			;;
		brand.logo)
			case "$value" in
			*.svg | *.png) brought ;;
			*) no "$PRESET:$number: a logo is the whole path of an .svg or .png file" ;;
			esac
			;;
		brand.support | defaults.country | defaults.timezone | defaults.language | defaults.unknown_devices | \
			defaults.propose_list | defaults.propose_band) ;;
		main.firewall_offload)
			[ "$value" = off ] || no "$PRESET:$number: the only value here is off; without the line, the firewall's stays"
			;;
		feed.url | feed.mirror)
			case "$value" in
			https://?*) ;;
			*) no "$PRESET:$number: a feed has an address such as https://feed.example/qalqan" ;;
			esac
			;;
		feed.root) brought ;;
		feed.provider)
			echo "$value" | grep -Eqx '[a-z][a-z0-9-]{0,31}' ||
				no "$PRESET:$number: a feed's provider has a name in small letters, such as alma-net"
			;;
		usp.vendor)
			echo "$value" | grep -Eqx '[0-9A-F]{6}|([a-z0-9-]+\.)+[a-z]{2,}' ||
				no "$PRESET:$number: a vendor is your domain, such as isp.example, or your OUI, such as 00256D"
			;;
		provider.rollout)
			[ "$value" = 1 ] || no "$PRESET:$number: the only value here is 1; without the line, there are no roll-outs"
			;;
		label.from)
			case "$value" in
			'file '*) [ ! -e "$FILES${value#file }" ] || no "$PRESET:$number: ${value#file } is in the image: the same code in every home" ;;
			'env '* | 'mtd '*' '*' '*) ;;
			*) no "$PRESET:$number: a label comes from: env NAME, file PATH, or mtd NAME OFFSET LENGTH" ;;
			esac
			;;
		*) no "$PRESET:$number: '$key' is not for a preset to set: it would filter, open or stop something" ;;
		esac
		[ -n "$value" ] || no "$PRESET:$number: '$key' has no value; leave the line out"
	done < "$PRESET"
}

if [ -r "$PRESET" ]; then
	lines
	! grep -q '^feed\.url=' "$PRESET" || grep -q '^feed\.root=' "$PRESET" ||
		no "$PRESET: feed.url needs feed.root, the file of its root keys"
else
	no "$PRESET: is not there"
fi

# Rules, family files or a code in an image would apply in every household from the first packet on.
for path in etc/qalqan etc/config/qalqan; do
	[ ! -e "$FILES/$path" ] || no "$FILES/$path: an image brings no rules, no state and no code; leave it out"
done

# The log of an unclaimed router contains the code of the label.
for path in etc/config/system etc/uci-defaults; do
	! grep -qrs log_ip "$FILES/$path" || no "$FILES/$path: sends the router's log away (log_ip), with the label's code in it"
done

# Reject other scripts: they could do what a preset must not do.
for script in "$FILES"/etc/uci-defaults/* "$FILES"/etc/rc.local; do
	case "${script##*/}" in
	98-isp-label | 99-isp-qalqan)
		cmp -s "$script" "${0%/*}/files/etc/uci-defaults/${script##*/}" || no "$script: is not as it came with Qalqan"
		;;
	*)
		! grep -qs qalqan "$script" || no "$script: names qalqan; what a provider sets of it is in the preset"
		;;
	esac
done

[ "$wrong" = 0 ] && echo "$FILES: proposes, filters nothing and opens nothing"
exit "$wrong"
