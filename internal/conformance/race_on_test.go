//go:build race

package conformance_test

// raceDetector says that the tests were built with the race detector, and so the
// server is, too.
const raceDetector = true
