#!/bin/sh
# Run by the package feeds' CI in a root with the package installed: $1 its name, $2 its version.

[ "$1" = python3-recurring-ical-events ] || exit 0

python3 - << 'EOF'
import recurring_ical_events

assert callable(recurring_ical_events.of)
EOF
