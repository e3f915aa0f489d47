// Package stack runs the three services as what they are in production, processes: it builds
// them, makes their keys and secrets, starts them, waits until they are ready, stops or kills
// them, and starts them again.
//
// The commands `stack demo` and `stack smoke` and the whole-system tests stand on it. It knows
// the services by their command lines, variables and HTTP alone: it imports no rule and no store.
package stack
