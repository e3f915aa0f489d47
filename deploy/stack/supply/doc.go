// Package supply is about what others have written and this project is built with: the lists of it (CycloneDX, made by `make licences`), and under which
// licences it is used.
//
//	sbom.go               reads the lists
//	licences.go           which licences may be used, and what was decided where a program cannot tell
//	dependencies_test.go  that docs/dependencies.md says of each direct dependency what it is for
package supply
