//go:build e2e

package e2e_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"porthole/internal/processtest"
)

// patternSource is a source small enough that clients and server fit on two
// processors, the server with the race detector. It is always on, so that clients find
// what they would find of any publisher; what is different about a source that is off
// while nobody watches has tests of its own, with sleepySource.
const (
	patternSource = sleepySource + "&ondemand=off"
	sleepySource  = "webcam=pattern:?size=640x360&fps=30&bitrate=800k"
)

// server is one running porthole.
type server struct {
	*processtest.Server
	t testing.TB

	url   string         // of the pages and the API, without a slash at the end
	media netip.AddrPort // of ICE, UDP and TCP
	turn  netip.AddrPort // of our own TURN server; zero when it is off

	certificate string // file of its certificate; "" without TLS
	ending      bool   // the test ends it itself
}

// startServer runs porthole on free loopback ports and waits until it listens.
// The test's end stops it and fails the test if it does not end well.
func startServer(t testing.TB, args ...string) *server {
	t.Helper()
	return startProgram(t, binary, args...)
}

// startProgram is startServer for another build of porthole.
func startProgram(t testing.TB, program string, args ...string) *server {
	t.Helper()
	p := processtest.Start(t, program, append([]string{"--log-level", "debug"}, args...)...)
	s := &server{Server: p, t: t, url: "http://" + p.HTTP.String(), media: p.Media, turn: p.TURN}
	t.Cleanup(s.stop)
	return s
}

// stop asks the server to end as an operator would and judges how it does.
func (s *server) stop() {
	switch {
	case !s.HasExited():
		s.Terminate(s.t, false)
	case !s.ending:
		s.t.Errorf("porthole ended before it was told to: %v", s.Err())
	}
	s.CheckLog(s.t)
	s.keepLog(s.Log())
}

// end sends a signal and waits until the process has ended, which is returned as it
// would be by a shell: the exit code, or 128 and the signal's number.
func (s *server) end(within time.Duration, signals ...syscall.Signal) (code int) {
	s.t.Helper()
	s.ending = true
	for _, sig := range signals {
		if err := s.Cmd.Process.Signal(sig); err != nil {
			s.t.Fatalf("send %v: %v", sig, err)
		}
	}
	receive(s.t, within, "the process to end", s.Exited)
	state := s.Cmd.ProcessState.Sys().(syscall.WaitStatus)
	if state.Signaled() {
		return 128 + int(state.Signal())
	}
	return state.ExitStatus()
}

// keepLog keeps the whole log in a file and, if the test failed, shows the end.
func (s *server) keepLog(log string) {
	name := filepath.Join(artifacts(s.t), strings.ReplaceAll(s.t.Name(), "/", "_")+".log")
	if err := os.WriteFile(name, []byte(log), 0o644); err != nil {
		s.t.Logf("keep the log: %v", err)
	}
	if !s.t.Failed() {
		return
	}
	// What the ICE and DTLS libraries say in passing is in the file.
	log = strings.Join(slices.DeleteFunc(strings.SplitAfter(log, "\n"), func(line string) bool {
		return strings.Contains(line, `"level":"DEBUG"`) && strings.Contains(line, `"pion":`)
	}), "")
	const shown = 12_000
	if len(log) > shown {
		log = "… " + log[len(log)-shown:]
	}
	s.t.Logf("porthole's log (all of it in %s):\n%s", name, log)
}
