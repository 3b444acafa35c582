//go:build !linux

package v4l2

// releaseLeftovers is for Linux: only there are cameras' buffers mapped.
func releaseLeftovers(string) error { return nil }
