//go:build !faults

package source

// extraSchemes are the kinds that only some binaries have: none in this one.
func extraSchemes() map[string]Kind { return nil }
