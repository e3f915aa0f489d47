//go:build !race

package systemtest

// raceDetector says that the tests run without the race detector.
const raceDetector = false
