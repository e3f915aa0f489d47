// Package fuzz feeds every parser of outside bytes what nobody would think of: it finds the fuzz targets of the services' tests, compiles each package
// once, and lets the go command's own fuzzer work on each target for a while. `stack fuzz` runs it (make fuzz).
//
//	targets.go       finds the targets
//	run.go           compiles, and fuzzes
//	targets_test.go  which packages read outside bytes, and that each has its targets
package fuzz
