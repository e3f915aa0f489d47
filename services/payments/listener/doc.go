// Package listener forwards the webhooks of a running payments service to an address of a developer's machine. It is an endpoint like any other:
// it registers itself through the API, serves on loopback, and removes itself at the end. What it answers the service is what the developer's
// program answered, so that the service's own schedule sends again what was not taken: each event is forwarded at least once, under one id.
package listener
