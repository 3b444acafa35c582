#!/bin/bash
# Prints the path of a Node.js that can run the pages' unit tests: the machine's own when it can mock
# the clock (20.11 or newer; Debian 12 has 18), else that of the next Debian.
set -euo pipefail
cd "$(dirname "$0")"

new_enough='const [major, minor] = process.versions.node.split("."); process.exit(major > 20 || (major == 20 && minor >= 11) ? 0 : 1)'

own=$(command -v node || true)
if [ -n "$own" ] && "$own" -e "$new_enough"; then
	echo "$own"
	exit
fi
./newer.sh nodejs node "runs the unit tests of the pages' JavaScript"
