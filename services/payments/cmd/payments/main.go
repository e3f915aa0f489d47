// Command payments runs the payments service, and is its operator's tool.
package main

import "tianguis.example/payments/cmd"

func main() { cmd.Main(nil) }
