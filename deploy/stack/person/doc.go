// Package person acts as people do in a browser, over plain HTTP: it keeps cookies, follows
// redirects, reads pages and sends their forms. It knows no more of the services than what
// a page shows, so that what it can do, a person can do without JavaScript.
package person
