#!/bin/bash
# Gets a program in the version of the next Debian ("forky"), for tests that need it newer than the
# machine's own, and prints the path to start it by.
#
# usage: newer.sh PACKAGE PROGRAM "what for"
#
# The package and all its libraries are downloaded from the same mirror, and checked with the same
# keyring, as the host's own packages, unpacked into a directory of the cache, and run through their
# own dynamic loader. Nothing is installed, mounted or changed on the host, and no root is needed.
# This costs some ten seconds, once. To get it anew, remove the directory that the path is in.
set -euo pipefail

package=$1 program=$2 purpose=$3
suite=forky
cache=${XDG_CACHE_HOME:-$HOME/.cache}/porthole-test
target=$cache/$package-$suite
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

say() { echo "==> $package of Debian $suite: $*" >&2; }
die() { echo "newer.sh: $*" >&2; exit 1; }

# mirror prints the URL that the host gets Debian from; it may be a local or a frozen one.
mirror() {
	local url=
	if [ -r /etc/apt/sources.list.d/debian.sources ]; then
		url=$(awk '/^URIs:/ { print $2; exit }' /etc/apt/sources.list.d/debian.sources)
	elif [ -r /etc/apt/sources.list ]; then
		url=$(sed -n 's/^deb \(\[[^]]*\] \)\?\(http[^ ]*\/debian\/\?\) .*/\2/p' /etc/apt/sources.list | head -n 1)
	fi
	echo "${url:-http://deb.debian.org/debian}"
}

# private_apt DIR writes the configuration of an apt that knows of nothing outside DIR: with an
# empty status file it believes that no package is installed and so fetches every library.
private_apt() {
	local dir=$1
	mkdir -p "$dir"/{etc/apt.conf.d,etc/preferences.d,state/lists/partial,cache/archives/partial}
	: >"$dir/status"
	# A frozen mirror's Release file is past its date; its signature is checked all the same.
	echo "deb [signed-by=$keyring check-valid-until=no] $(mirror) $suite main" >"$dir/etc/sources.list"
	cat >"$dir/apt.conf" <<-EOF
		Dir "$dir";
		Dir::Etc "$dir/etc";
		Dir::State "$dir/state";
		Dir::State::status "$dir/status";
		Dir::Cache "$dir/cache";
		APT::Install-Recommends "false";
		APT::Sandbox::User "$(id -un)";
		Acquire::Languages "none";
		Acquire::Retries "3";
	EOF
}

# launcher DIR writes DIR/$program, which runs the unpacked program with the unpacked loader and
# libraries only (the host's are older).
launcher() {
	local dir=$1 loader
	loader=$(cd "$dir/root" && find usr/lib usr/lib64 -name 'ld-linux*.so*' 2>/dev/null | head -n 1)
	[ -n "$loader" ] || die "no dynamic loader among the unpacked packages"
	cat >"$dir/$program" <<-EOF
		#!/bin/bash
		root=\$(dirname "\$(readlink -f "\$0")")/root
		libraries=\$(find "\$root/usr/lib" -name '*.so*' -printf '%h\n' | sort -u | paste -sd:)
		exec "\$root/$loader" --inhibit-cache --library-path "\$libraries" "\$root/usr/bin/$program" "\$@"
	EOF
	chmod +x "$dir/$program"
}

build() {
	local work=$target.partial deb
	command -v apt-get >/dev/null || die "needs apt-get to get a newer $program ($purpose)"
	[ -e "$keyring" ] || die "needs $keyring (Debian package debian-archive-keyring)"
	rm -rf "$work"
	private_apt "$work/apt"
	export APT_CONFIG=$work/apt/apt.conf
	say "$purpose; reading the package lists"
	apt-get -qq update >&2
	say "downloading it and its libraries"
	apt-get -qq -y --download-only install "$package" >&2
	say "unpacking"
	for deb in "$work"/apt/cache/archives/*.deb; do
		dpkg-deb -x "$deb" "$work/root"
	done
	rm -rf "$work/apt"
	launcher "$work"
	# The name appears only when everything is there, so a run that was cut short counts for nothing.
	mv "$work" "$target"
	say "ready, $(du -sh "$target" | cut -f1) in $target"
}

mkdir -p "$cache"
exec 9>"$target.lock"
flock -w 900 9 || die "another run has held $target.lock for 15 minutes"
[ -x "$target/$program" ] || build
echo "$target/$program"
