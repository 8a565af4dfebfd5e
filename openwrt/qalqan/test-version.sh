#!/bin/sh
# Run by the package feeds' CI, $1 and $2 as for test.sh, in place of its search for the version in the output of each
# program: the rpcd plug-in of qalqan-usp reports none.

case "$1" in
qalqan)
	qalqan --version | grep -F "$2"
	;;
esac
