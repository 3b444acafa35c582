#!/bin/bash
# Installs one Debian package if what it provides is missing, and says what and why.
#
# usage: need.sh PACKAGE COMMAND|/FILE "why it is needed"
#
# Nothing happens when the command (or the file) is there already, whoever put it there.
set -euo pipefail

package=$1 wanted=$2 why=$3

present() {
	case $wanted in
	/*) [ -e "$wanted" ] ;;
	*) command -v "$wanted" >/dev/null ;;
	esac
}

present && exit 0

if ! command -v apt-get >/dev/null; then
	echo "need.sh: $wanted is missing ($why). Install it with this system's package manager (on Debian: $package)." >&2
	exit 1
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
	if ! command -v sudo >/dev/null; then
		echo "need.sh: $wanted is missing ($why). As root, run: apt-get install -y $package" >&2
		exit 1
	fi
	as_root=(sudo)
fi

echo "==> installing the Debian package $package: $why"

cache=${XDG_CACHE_HOME:-$HOME/.cache}/porthole-test
mkdir -p "$cache"

# apt runs apt-get and shows what it printed only when it failed. Somebody else's apt (unattended
# upgrades, a parallel make) is waited for, not collided with.
# ${…[@]+…}: an empty array counts as unset in old versions of bash.
apt() {
	${as_root[@]+"${as_root[@]}"} env DEBIAN_FRONTEND=noninteractive \
		apt-get -q -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 "$@" \
		>"$cache/apt.log" 2>&1 && return
	echo "need.sh: apt-get $* failed:" >&2
	tail -n 20 "$cache/apt.log" >&2
	return 1
}

# The package lists are refreshed at most once in six hours, not before every package.
if [ -z "$(find "$cache/apt-updated" -mmin -360 2>/dev/null)" ]; then
	apt update
	touch "$cache/apt-updated"
fi
# A list can still be older than the mirror, which then answers 404: once more with fresh ones.
if ! apt install -y --no-install-recommends "$package"; then
	echo "need.sh: once more, with fresh package lists" >&2
	apt update
	apt install -y --no-install-recommends "$package"
fi

hash -r
if ! present; then
	echo "need.sh: $package is installed, yet $wanted is still not to be found" >&2
	exit 1
fi
