//go:build race

package crashtest

// raceDetector says that the tests run with the race detector, so that the services do too.
const raceDetector = true
