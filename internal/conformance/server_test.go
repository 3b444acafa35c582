package conformance_test

import (
	"net/netip"
	"os"
	"slices"
	"syscall"
	"testing"
	"time"

	"porthole/internal/processtest"
)

// patience is how long a test waits for what should happen at once.
const patience = 15 * time.Second

// server is one running porthole.
type server struct {
	*processtest.Server
	t testing.TB

	url   string         // without a slash at the end
	media netip.AddrPort // UDP and TCP
	token string         // with which the tests look at the API; empty: none is needed
	trust bool           // the certificate is one of the test's own

	draining bool // it was told to end by drain
}

// start runs porthole on free loopback ports until the end of the test, which
// fails when the server does not end well, has a data race or panics.
func start(t testing.TB, args ...string) *server {
	t.Helper()
	base := []string{"--log-level", "info"}
	if !slices.Contains(args, "--turn-listen") { // so that Link headers are what the test says
		base = append(base, "--turn-listen", "off")
	}
	if raceDetector || os.Getenv("CONFORMANCE_BINARY") != "" { // it has cgo, and so would look for a camera
		base = append(base, "--source", "unused=pattern:?size=160x120&fps=1&bitrate=50k")
	}
	p := processtest.Start(t, porthole, append(base, args...)...)
	s := &server{Server: p, t: t, url: "http://" + p.HTTP.String(), media: p.Media}
	if i := slices.Index(args, "--view-token"); i >= 0 {
		s.token = "Bearer " + args[i+1]
	}
	t.Cleanup(s.stop)
	return s
}

// drain tells the server to end, which it does when its sessions have.
func (s *server) drain() {
	s.t.Helper()
	s.draining = true
	if err := s.Cmd.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Fatalf("send SIGTERM: %v", err)
	}
}

// stop asks the server to end as an operator would and judges how it does.
func (s *server) stop() {
	if s.HasExited() && !s.draining {
		s.t.Errorf("porthole ended before it was told to: %v", s.Err())
	}
	s.Terminate(s.t, s.draining) // a second signal would end it at once
	s.CheckLog(s.t, "panic in")
	if s.t.Failed() {
		s.t.Logf("porthole's log:\n%s", s.Log())
	}
}
