package metrics

import (
	"context"
	"net"
	"net/http"
	"net/http/pprof" // what it adds to http.DefaultServeMux is served by nobody: every server here is given a handler of its own
	"time"

	"tianguis.example/chassis/httpserver"
)

// profilesRoot is where go tool pprof looks.
const profilesRoot = "/debug/pprof/"

// profileBound is how long an answer may take: a profile of half a minute with room, or a trace.
const profileBound = 2 * time.Minute

// withProfiles adds the profiles of the running program to what a listener answers, when nobody but this machine reaches it. They show what the
// program is doing, so that they are for whoever may look into it anyway.
func withProfiles(listener net.Listener, next http.Handler) http.Handler {
	address, ok := listener.Addr().(*net.TCPAddr)
	if !ok || !address.IP.IsLoopback() {
		return next
	}
	mux := http.NewServeMux()
	mux.Handle("/", next)
	for path, handler := range map[string]http.HandlerFunc{
		"": pprof.Index, "cmdline": pprof.Cmdline, "profile": pprof.Profile, "symbol": pprof.Symbol, "trace": pprof.Trace,
	} {
		mux.Handle("GET "+profilesRoot+path, onThisMachine(handler))
	}
	return mux
}

// onThisMachine knows nothing for whoever calls this machine by another name: a page of a stranger's can have its own name lead here (DNS rebinding),
// and read what its visitor's browser is answered.
func onThisMachine(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !httpserver.IsLoopback(r.Host) {
			http.NotFound(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// endingWith has requests end with ctx: a stop waits for no profile.
func endingWith(ctx context.Context, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ended, end := context.WithCancel(r.Context())
		defer end()
		defer context.AfterFunc(ctx, end)()
		next.ServeHTTP(w, r.WithContext(ended))
	})
}
