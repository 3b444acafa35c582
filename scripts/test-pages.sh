#!/bin/bash
# Runs the unit tests of the pages' JavaScript, each file by itself.
set -euo pipefail
cd "$(dirname "$0")/.."

node=$(scripts/node.sh)
failed=()
while IFS= read -r file; do
	echo "==> $file"
	# Not "node --test": that starts its own executable again, which for an unpacked node is the loader.
	"$node" --test-reporter spec "$file" || failed+=("$file")
done < <(find static/test -name '*.test.*js' | sort)

if [ ${#failed[@]} -gt 0 ]; then
	echo "test-pages.sh: failed: ${failed[*]}" >&2
	exit 1
fi
