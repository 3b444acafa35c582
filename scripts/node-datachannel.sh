#!/bin/bash
# Gets libdatachannel, the WebRTC library inside OBS, for the end-to-end tests, and prints the
# directory that its Node package is installed in.
#
# node-datachannel comes with libdatachannel compiled in; it and its two dependencies are
# downloaded by npm, once, about 5 MB, into a directory of the cache. None of their install scripts
# is run, and nothing outside that directory is changed. To get it anew, remove the directory.
set -euo pipefail

version=0.33.4 # of node-datachannel, with libdatachannel 0.24.5
cache=${XDG_CACHE_HOME:-$HOME/.cache}/porthole-test
target=$cache/node-datachannel-$version

build() {
	local work=$target.partial
	rm -rf "$work"
	mkdir -p "$work"
	echo "==> downloading node-datachannel $version: publishes and watches as OBS does" >&2
	echo '{ "private": true }' >"$work/package.json"
	npm install --prefix "$work" --ignore-scripts --no-audit --no-fund --loglevel error \
		"node-datachannel@$version" >&2
	(cd "$work" && node -e 'require("node-datachannel").preload()')
	# The name appears only when everything is there, so a run that was cut short counts for nothing.
	mv "$work" "$target"
}

command -v npm >/dev/null || { echo "node-datachannel.sh: needs npm (Debian package npm)" >&2; exit 1; }
mkdir -p "$cache"
exec 9>"$target.lock"
flock -w 300 9 || { echo "node-datachannel.sh: another run has held $target.lock for 5 minutes" >&2; exit 1; }
[ -d "$target" ] || build
echo "$target"
