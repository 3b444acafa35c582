//go:build !unix

package v4l2

// mayOpen cannot be told here without trying.
func mayOpen(string) error { return nil }
