// Package camera holds the test of capture from a real V4L2 device. Run it with `make test-camera`.
//
// The test boots the distribution's kernel in QEMU, without any disk or system: its first process is the program in guest,
// its camera is vivid, the kernel's own virtual video device, and beside them is only the real porthole. The guest
// watches the stream, breaks the camera in the ways that vivid knows, and reports through serial ports; the test decodes what it recorded.
package camera
