#!/bin/sh
# Run by the package feeds' CI in a root with the package installed: $1 its name, $2 its version.

case "$1" in
qalqan)
	printf 'name: Child\nband: 10-12\n' > /tmp/child.yaml &&
		qalqan why example.org --profile /tmp/child.yaml
	;;
qalqan-web)
	PYTHONPATH=/usr/lib/qalqan python3 -c 'import webui.serve'
	;;
qalqan-lists)
	qalqan lists status
	;;
qalqan-mqtt)
	PYTHONPATH=/usr/lib/qalqan python3 -c 'import gateway.mqtt.bridge'
	;;
qalqan-usp)
	qalqan usp --document xml | grep -F FamilyFilter
	;;
qalqan-second-factor)
	python3 -c 'import pyotp'
	;;
qalqan-passkeys)
	python3 -c 'import fido2.server'
	;;
qalqan-feed)
	python3 -c 'import tuf.ngclient'
	;;
qalqan-calendars)
	python3 -c 'import icalendar, recurring_ical_events'
	;;
esac
