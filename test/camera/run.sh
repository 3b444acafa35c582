#!/bin/bash
# Tests capture from a real V4L2 device: a virtual machine boots a kernel that has a virtual camera (vivid), and the
# real porthole captures, encodes and serves it there. About a minute, after a download of 70 MB once.
#
# usage: run.sh [arguments of go test]
set -euo pipefail
cd "$(dirname "$0")/../.."

scripts/need.sh qemu-system-x86 qemu-system-x86_64 "to boot a virtual machine that has a virtual camera"
scripts/need.sh ffmpeg ffmpeg "to decode what the camera test has recorded"

CAMERA_KERNEL=$(test/camera/kernel.sh)
export CAMERA_KERNEL
exec go test -tags camera -count 1 -timeout 10m "$@" ./test/camera
