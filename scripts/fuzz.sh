#!/bin/bash
# Runs every fuzz target of the tree, one after the other: go test takes one at a time.
#
# usage: fuzz.sh [TIME PER TARGET, as in 30s]
set -euo pipefail
cd "$(dirname "$0")/.."

time=${1:-30s}

# Before Go 1.27, a target that has found nothing may fail with "context deadline exceeded" when
# its time is over (https://go.dev/issue/75804). To be left out when go.mod asks for 1.27.
case $(go env GOVERSION) in
go1.2[0-6]*) export GOTOOLCHAIN=go1.27.1 ;;
esac

git grep --untracked -HoE '^func Fuzz[A-Za-z0-9_]+' -- '*_test.go' |
	while IFS=: read -r file target; do
		target=${target#func }
		echo "==> $target in $(dirname "$file")"
		go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" "./$(dirname "$file")" </dev/null
	done
