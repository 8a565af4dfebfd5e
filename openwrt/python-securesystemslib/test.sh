#!/bin/sh
# Run by the package feeds' CI in a root with the package installed: $1 its name, $2 its version.

[ "$1" = python3-securesystemslib ] || exit 0

python3 - << 'EOF'
from securesystemslib.signer import SSlibKey

key = {"keytype": "ed25519", "scheme": "ed25519", "keyval": {"public": "00" * 32}}
assert SSlibKey.from_dict("id", key).scheme == "ed25519"
EOF
