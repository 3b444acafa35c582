#!/bin/bash
# Gets puppeteer-core, which drives Firefox by WebDriver BiDi, for the end-to-end tests, and prints
# the directory that it is installed in.
#
# It and its dependencies are downloaded by npm, once, into a directory of the cache; browsers are
# not among them. None of their install scripts is run, and nothing outside that directory is
# changed. To get it anew, remove the directory.
set -euo pipefail

version=24.31.0 # the last but one major: it runs on Debian's Node
cache=${XDG_CACHE_HOME:-$HOME/.cache}/porthole-test
target=$cache/puppeteer-core-$version

build() {
	local work=$target.partial
	rm -rf "$work"
	mkdir -p "$work"
	echo "==> downloading puppeteer-core $version: drives Firefox" >&2
	echo '{ "private": true }' >"$work/package.json"
	npm install --prefix "$work" --ignore-scripts --no-audit --no-fund --loglevel error \
		"puppeteer-core@$version" >&2
	(cd "$work" && node -e 'require("puppeteer-core")')
	# The name appears only when everything is there, so a run that was cut short counts for nothing.
	mv "$work" "$target"
}

command -v npm >/dev/null || { echo "puppeteer.sh: needs npm (Debian package npm)" >&2; exit 1; }
mkdir -p "$cache"
exec 9>"$target.lock"
flock -w 300 9 || { echo "puppeteer.sh: another run has held $target.lock for 5 minutes" >&2; exit 1; }
[ -d "$target" ] || build
echo "$target"
