//go:build !linux

package doctor

// fileLimit is not known.
func fileLimit() uint64 { return 0 }

// clockState is not known.
func clockState() clock { return clockUnknown }
