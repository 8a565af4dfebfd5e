#!/bin/sh
# Run by the package feeds' CI in a root with the package installed: $1 its name, $2 its version.

[ "$1" = python3-icalendar ] || exit 0

python3 - << 'EOF'
from icalendar import Calendar

text = "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20261124\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
event = Calendar.from_ical(text).walk("VEVENT")[0]
assert str(event["DTSTART"].dt) == "2026-11-24"
EOF
