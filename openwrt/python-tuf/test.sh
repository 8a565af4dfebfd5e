#!/bin/sh
# Run by the package feeds' CI in a root with the package installed: $1 its name, $2 its version.

[ "$1" = python3-tuf ] || exit 0

python3 - << 'EOF'
from tuf.api.metadata import Metadata, Root

assert Metadata(Root()).to_bytes().startswith(b"{")
import tuf.ngclient
EOF
