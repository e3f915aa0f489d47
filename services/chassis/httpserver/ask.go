package httpserver

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"
)

// askBound is how long a service may take to say how it is: longer than Ready gives its database.
const askBound = 3 * time.Second

// Ask asks the service that listens on this machine at listen, as its settings have it, for path. It returns an error unless
// the answer is 200. It is what a container's health check runs: an image with nothing but the program has no other client.
func Ask(ctx context.Context, listen, path string) error {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return fmt.Errorf("the address %q is not host:port: %w", listen, err)
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost" // it listens on every interface
	}
	ctx, cancel := context.WithTimeout(ctx, askBound)
	defer cancel()
	address := "http://" + net.JoinHostPort(host, port) + path
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", address, answer.Status)
	}
	return nil
}
