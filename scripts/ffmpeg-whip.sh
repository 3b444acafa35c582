#!/bin/bash
# Prints the path of an FFmpeg that can publish over WHIP, for the end-to-end tests. FFmpeg learned
# that in version 8; Debian 12 and 13 ship older ones.
set -euo pipefail
cd "$(dirname "$0")"

has_whip() { "$1" -hide_banner -muxers 2>/dev/null | grep -w whip >/dev/null; }

own=$(command -v ffmpeg || true)
if [ -n "$own" ] && has_whip "$own"; then
	echo "$own"
	exit
fi
newer=$(./newer.sh ffmpeg ffmpeg "publishes over WHIP in the end-to-end tests")
if ! has_whip "$newer"; then
	echo "ffmpeg-whip.sh: $newer has no WHIP muxer" >&2
	exit 1
fi
echo "$newer"
