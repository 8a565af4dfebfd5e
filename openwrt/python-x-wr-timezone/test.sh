#!/bin/sh
# Run by the package feeds' CI in a root with the package installed: $1 its name, $2 its version.

[ "$1" = python3-x-wr-timezone ] || exit 0

python3 - << 'EOF'
import x_wr_timezone

assert callable(x_wr_timezone.to_standard)
EOF
