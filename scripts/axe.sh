#!/bin/bash
# Gets axe-core, which looks for barriers in the pages, and prints the path of its script. It is one
# pinned archive from the npm registry, checked against its digest, in the cache; about 3 MB, once.
set -euo pipefail

version=4.14.1
digest=e6b0ce02b84d892e2e33e403485e7f3d6c29e2be6df65daf44d89ba564139745
cache=${XDG_CACHE_HOME:-$HOME/.cache}/porthole-test
target=$cache/axe-core-$version

if [ ! -e "$target/axe.min.js" ]; then
	echo "==> downloading axe-core $version: looks for barriers in the pages" >&2
	mkdir -p "$cache"
	work=$(mktemp -d "$cache/axe-core.XXXXXX")
	trap 'rm -rf "$work"' EXIT
	curl -sSfL --retry 3 --max-time 120 -o "$work/archive.tgz" \
		"https://registry.npmjs.org/axe-core/-/axe-core-$version.tgz"
	echo "$digest  $work/archive.tgz" | sha256sum --check --quiet
	tar -xzf "$work/archive.tgz" -C "$work" package/axe.min.js
	mkdir -p "$target"
	mv "$work/package/axe.min.js" "$target/"
fi
echo "$target/axe.min.js"
