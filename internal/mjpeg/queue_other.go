//go:build !linux

package mjpeg

// limitUnsent does nothing where the system has no such limit.
func limitUnsent(uintptr) {}
