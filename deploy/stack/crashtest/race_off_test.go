//go:build !race

package crashtest

// raceDetector says that the tests run without the race detector.
const raceDetector = false
