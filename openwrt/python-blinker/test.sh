#!/bin/sh
# Run by the package feeds' CI in a root with the package installed: $1 its name, $2 its version.

[ "$1" = python3-blinker ] || exit 0

python3 - << 'EOF'
from blinker import Namespace

heard = []
signal = Namespace().signal("started")
signal.connect(heard.append, weak=False)
signal.send("sender")
assert heard == ["sender"], heard
EOF
