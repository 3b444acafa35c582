//go:build !linux

package capture

// releaseLeftovers is for Linux: only there are cameras' buffers mapped.
func releaseLeftovers(string) error { return nil }
