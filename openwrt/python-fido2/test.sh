#!/bin/sh
# Run by the package feeds' CI in a root with the package installed: $1 its name, $2 its version.

[ "$1" = python3-fido2 ] || exit 0

python3 - << 'EOF'
from fido2.server import Fido2Server
from fido2.webauthn import PublicKeyCredentialRpEntity

server = Fido2Server(PublicKeyCredentialRpEntity(name="Test", id="example.org"))
options, state = server.authenticate_begin()
assert state["challenge"]
EOF
