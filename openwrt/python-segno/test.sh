#!/bin/sh
# Run by the package feeds' CI in a root with the package installed: $1 its name, $2 its version.

[ "$1" = python3-segno ] || exit 0

python3 - << 'EOF'
import segno

assert segno.make("https://example.org/").svg_inline().startswith("<svg")
EOF
