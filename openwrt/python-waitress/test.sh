#!/bin/sh
# Run by the package feeds' CI in a root with the package installed: $1 its name, $2 its version.

[ "$1" = python3-waitress ] || exit 0

python3 - << 'EOF'
import waitress

server = waitress.create_server(lambda environ, start: [], listen="127.0.0.1:0")
server.close()
EOF
