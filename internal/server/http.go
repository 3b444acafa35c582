package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/go-chi/chi/v5"

	"porthole/internal/holders"
	"porthole/internal/overload"
	"porthole/internal/panics"
	"porthole/internal/problem"
	"porthole/internal/streamname"
)

// newHTTPServer makes the server that all routes share.
func newHTTPServer(handler http.Handler, headerTimeout time.Duration, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: headerTimeout,
		// An offer is a few kilobytes: who needs longer for it keeps a connection
		// occupied for nothing. Event streams lift it for themselves.
		ReadTimeout: headerTimeout + 10*time.Second,
		// An answer is there within two seconds; the rest is for slow lines. Event
		// streams set a deadline for each event in its place.
		WriteTimeout: 30 * time.Second,
		// Longer than the time between two polls of a waiting page.
		IdleTimeout:    60 * time.Second,
		MaxHeaderBytes: 32 << 10,
		// A page has its own few requests and event streams. More at a time would let
		// one connection, whose streams are reset as fast as they are opened, keep
		// that many handlers, and their memory, busy.
		HTTP2: &http.HTTP2Config{MaxConcurrentStreams: 64},
		// What the server itself logs is clients that break off TLS handshakes.
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}

// listenHTTP binds the address of --http, so that the port is known, and known
// to be ours, before anything starts.
func listenHTTP(ctx context.Context, c Config, pair *certificate, files *overload.Files) (net.Listener, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.HTTP)
	if err != nil {
		return nil, listenFault("--http", c.HTTP, err)
	}
	listener = files.Listener(listener)
	if c.RateLimit > 0 {
		listener = overload.NewInflow(c.Cert != "", c.TrustedProxies).Listener(listener)
	}
	if config := pair.config("h2", "http/1.1"); config != nil {
		return tls.NewListener(secureOnly{listener}, config), nil
	}
	return listener, nil
}

// listenFault words why an address cannot be listened on, with the cure.
func listenFault(flag, address string, err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%s %s: %s uses this port; end it, or give another port: %s %s", flag, address, holderOf(address), flag, anotherPort(address))
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("%s %s: this user may not listen there; give a port above 1023 with %s", flag, address, flag)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("%s %s: this machine has no such address; give one that it has with %s, or none for all", flag, address, flag)
	}
	return fmt.Errorf("%s %s: %w", flag, address, err)
}

// holderOf names the program that has the port of an address, as far as this user may know.
func holderOf(address string) string {
	_, port, _ := net.SplitHostPort(address)
	processes := holders.System.OfPort("tcp", port)
	for _, p := range holders.System.OfPort("udp", port) {
		if !slices.Contains(processes, p) {
			processes = append(processes, p)
		}
	}
	if len(processes) == 0 {
		return "a program of another user"
	}
	return processes[0].String() // who has it for both protocols, or for one of them
}

// anotherPort is an address like this one with a port that is probably free, as an example.
func anotherPort(address string) string {
	host, port, _ := net.SplitHostPort(address)
	number, _ := strconv.Atoi(port)
	return net.JoinHostPort(host, strconv.Itoa(number%portSpan+portStep))
}

// portStep is from a port to the one that is shown as an example, within portSpan.
const portStep, portSpan = 10, 65000

// observe logs every request at debug level, by its route: paths hold the ids of
// sessions and queries hold tokens. A panic in a handler is logged and costs its
// own request only.
func observe(log *slog.Logger, onPanic func()) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			begin := time.Now()
			wrapped := &answer{ResponseWriter: w}
			defer func() {
				fault := recover()
				if fault == http.ErrAbortHandler { //nolint:errorlint // a panic's value, not an error chain
					panic(fault) // net/http's own way to drop a connection
				}
				if fault != nil {
					onPanic()
					panics.Log(log, "a request", fault, "method", r.Method, "route", route(r))
					if wrapped.status == 0 {
						problem.Write(wrapped, http.StatusInternalServerError, "")
					}
				}
				log.Debug("request", "method", r.Method, "route", route(r), "status", wrapped.status,
					"bytes", wrapped.bytes, "duration", time.Since(begin))
			}()
			next.ServeHTTP(wrapped, r)
		})
	}
}

// anyMethod lets a method that chi has never heard of (PROPFIND) through to the
// routes of its path, as PUT, which nobody serves. Who has the path then says 405
// with what is allowed there, and with CORS headers where pages of other origins may
// read it. Handlers still see the real method.
func anyMethod(next http.Handler) http.Handler {
	known := []string{
		http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
		http.MethodDelete, http.MethodConnect, http.MethodOptions, http.MethodTrace,
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !slices.Contains(known, r.Method) {
			chi.RouteContext(r.Context()).RouteMethod = http.MethodPut
		}
		next.ServeHTTP(w, r)
	})
}

func route(r *http.Request) string {
	if pattern := chi.RouteContext(r.Context()).RoutePattern(); pattern != "" {
		return pattern
	}
	return "none"
}

// notFound answers a path without a route: a person with a page, a program with a problem
// document.
func notFound(page http.Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Add("Vary", "Accept")
		asks := r.Method == http.MethodGet || r.Method == http.MethodHead
		if asks && strings.Contains(r.Header.Get("Accept"), "text/html") {
			page.ServeHTTP(w, r)
			return
		}
		nothingThere(w, r)
	}
}

func nothingThere(w http.ResponseWriter, r *http.Request) {
	detail := "there is nothing at this path"
	if place, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/"); slices.Contains([]string{"watch", "publish", "embed"}, place) {
		detail += ": a page is at /" + place + "/NAME, and NAME is " + streamname.Rule
	}
	problem.Write(w, http.StatusNotFound, detail)
}

// methodNotAllowed answers a route that has the path but not the method. A
// handler of one's own takes chi's Allow header (RFC 9110 section 15.5.6) away,
// so it is put together here.
func methodNotAllowed(routes chi.Routes) http.HandlerFunc {
	methods := []string{
		http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut,
		http.MethodPatch, http.MethodDelete, http.MethodOptions,
	}
	return func(w http.ResponseWriter, r *http.Request) {
		allowed := slices.DeleteFunc(slices.Clone(methods), func(method string) bool {
			return !routes.Match(chi.NewRouteContext(), method, r.URL.Path)
		})
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		problem.Write(w, http.StatusMethodNotAllowed, r.Method+" is not possible here")
	}
}
