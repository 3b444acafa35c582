#!/bin/bash
# Prints the directory of an unpacked Debian kernel package; downloads it when there is none yet.
#
# Nothing is installed: the kernel is for a virtual machine. It stays in ~/.cache/porthole-test/vivid, and that
# directory can be removed at any time.
set -euo pipefail

if [ "$(uname -m)" != x86_64 ] || ! command -v apt-get dpkg-deb >/dev/null; then
	echo "kernel.sh: the virtual camera needs Debian (or a relative of it) on x86-64" >&2
	exit 1
fi

cache=${XDG_CACHE_HOME:-$HOME/.cache}/porthole-test/vivid
mkdir -p "$cache"
if [ ! -d "$cache/kernel" ]; then
	# linux-image-amd64 is an empty package; the first one that it depends on is the kernel.
	newest() { apt-cache depends linux-image-amd64 2>/dev/null | awk '/Depends:/ { print $2; exit }'; }
	fetch() { (cd "$work" && apt-get -q -o Acquire::Retries=3 download "$package" >apt.log 2>&1); }
	refresh() {
		if [ "$(id -u)" -eq 0 ]; then apt-get -q update; else sudo apt-get -q update; fi >"$work/apt.log" 2>&1
	}

	work=$(mktemp -d "$cache/download.XXXXXX")
	trap 'rm -rf "$work"' EXIT
	package=$(newest)
	if [ -z "$package" ]; then # no package lists yet
		refresh || true
		package=$(newest)
	fi
	if [ -z "$package" ]; then
		echo "kernel.sh: apt knows no package linux-image-amd64" >&2
		exit 1
	fi
	echo "==> downloading $package (70 MB): the kernel of the virtual machine, for its virtual camera; nothing is installed" >&2
	# Old package lists name a kernel that the mirror no longer has: once more with fresh ones.
	fetch || { refresh && package=$(newest) && fetch; } || {
		tail -n 5 "$work/apt.log" >&2
		exit 1
	}
	dpkg-deb -x "$work/$package"_*.deb "$work/kernel"
	mv "$work/kernel" "$cache/kernel"
fi
echo "$cache/kernel"
