//go:build !race

package conformance_test

// raceDetector says that the tests were built without the race detector. The
// server is then built without cgo: it needs no more than Go, and relays only.
const raceDetector = false
