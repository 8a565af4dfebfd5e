#!/bin/sh
# Run by the package feeds' CI in a root with the package installed: $1 its name, $2 its version.

[ "$1" = python3-netfilterqueue ] || exit 0

python3 - << 'EOF'
from netfilterqueue import COPY_PACKET, NetfilterQueue

queue = NetfilterQueue()
assert COPY_PACKET == 2
assert callable(queue.bind)
EOF
