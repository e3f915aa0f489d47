// Package egress makes HTTP requests to addresses that strangers gave us: a wallet
// address typed into a form, a server that a wallet names, a webhook's receiver.
//
// Such an address may be there to reach what only this machine can reach (server-side
// request forgery). So requests go over https to public addresses and nowhere else. The
// check is made on the resolved address at the moment of dialing, so that no DNS answer
// can change between the check and the connection. Plain http and private addresses are
// for hosts that the operator has named.
//
// The package is a leaf, and reads nothing from the environment: no proxy, which would
// do the dialing in our place.
package egress
