//go:build !unix

package capture

// mayOpen cannot be told here without trying.
func mayOpen(string) error { return nil }
