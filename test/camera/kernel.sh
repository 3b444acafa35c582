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
	package=$(apt-cache depends linux-image-amd64 | awk '/Depends:/ { print $2; exit }')
	echo "==> downloading $package (70 MB): the kernel of the virtual machine, for its virtual camera; nothing is installed" >&2
	work=$(mktemp -d "$cache/download.XXXXXX")
	trap 'rm -rf "$work"' EXIT
	(cd "$work" && apt-get -q -o Acquire::Retries=3 download "$package" >apt.log 2>&1) || {
		tail -n 5 "$work/apt.log" >&2
		exit 1
	}
	dpkg-deb -x "$work/$package"_*.deb "$work/kernel"
	mv "$work/kernel" "$cache/kernel"
fi
echo "$cache/kernel"
