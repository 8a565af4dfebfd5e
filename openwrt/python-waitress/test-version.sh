#!/bin/sh
# Run by the package feeds' CI, $1 and $2 as for test.sh, in place of its search for the version in the output of each
# program: waitress-serve reports none.

[ "$1" = python3-waitress ] || exit 0

waitress-serve --help
