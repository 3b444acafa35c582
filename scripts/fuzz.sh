#!/bin/bash
# Runs every fuzz target of the tree, one after the other: go test takes one at a time.
#
# usage: fuzz.sh [TIME PER TARGET, as in 30s]
set -euo pipefail
cd "$(dirname "$0")/.."

time=${1:-30s}

git grep --untracked -HoE '^func Fuzz[A-Za-z0-9_]+' -- '*_test.go' |
	while IFS=: read -r file target; do
		target=${target#func }
		echo "==> $target in $(dirname "$file")"
		go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" "./$(dirname "$file")" </dev/null
	done
