#!/bin/bash
# Checks the pages' JavaScript: syntax with node, types with TypeScript reading the JSDoc comments.
#
# The pages have no build step and the tree has no node_modules. TypeScript is one pinned archive
# from the npm registry, checked against its digest and unpacked into the cache.
set -euo pipefail
cd "$(dirname "$0")/.."

version=5.9.3
digest=10e108c9cf7d5f2879053dff18515fb405abf2ccef63eaaf017d9c571687a1d3
cache=${XDG_CACHE_HOME:-$HOME/.cache}/porthole-test
typescript=$cache/typescript-$version

mapfile -t sources < <(git ls-files --cached --others --exclude-standard 'static/*.js' 'static/*.mjs')
if [ ${#sources[@]} -eq 0 ]; then
	echo "lint-js.sh: no JavaScript under static/"
	exit 0
fi

for file in "${sources[@]}"; do
	node --check "$file"
done

if [ ! -e "$typescript/lib/tsc.js" ]; then
	echo "==> downloading TypeScript $version: checks the types of the pages' JavaScript"
	mkdir -p "$cache"
	work=$(mktemp -d "$cache/typescript.XXXXXX")
	trap 'rm -rf "$work"' EXIT
	curl -sSfL --retry 3 --max-time 120 -o "$work/archive.tgz" \
		"https://registry.npmjs.org/typescript/-/typescript-$version.tgz"
	echo "$digest  $work/archive.tgz" | sha256sum --check --quiet
	tar -xzf "$work/archive.tgz" -C "$work"
	rm -rf "$typescript"
	mv "$work/package" "$typescript"
fi

node "$typescript/lib/tsc.js" --project static/jsconfig.json --noEmit
echo "lint-js.sh: ${#sources[@]} files, no faults"
