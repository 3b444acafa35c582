//go:build e2e

package e2e_test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"
)

// coturn is a running turnserver of Debian's package.
type coturn struct {
	port int
	kill func() // as a crash would; more than once is harmless
}

// startCoturn runs one on loopback until the end of the test.
func startCoturn(t testing.TB, args ...string) *coturn {
	t.Helper()
	c := &coturn{port: freePort(t)}
	dir := t.TempDir()
	cmd := exec.Command("turnserver", append([]string{
		"-n", "--log-file=stdout", "--simple-log", "--no-cli", "--no-tls", "--no-dtls", "--fingerprint", "--realm=test.example",
		"--listening-ip=127.0.0.1", "--relay-ip=127.0.0.1", fmt.Sprintf("--listening-port=%d", c.port),
		// Peers on loopback are what coturn rightly refuses, and all that there is here.
		"--allow-loopback-peers", "--no-multicast-peers",
		"--pidfile=" + filepath.Join(dir, "pid"), "--userdb=" + filepath.Join(dir, "db"),
	}, args...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatalf("start coturn (Debian's package coturn): %v", err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // it is killed
	}()
	c.kill = func() {
		_ = cmd.Process.Kill() // an error says that it has ended already
		<-ended
	}
	t.Cleanup(func() {
		c.kill()
		if t.Failed() {
			t.Logf("coturn's log:\n%.6000s", out.String())
		}
	})
	return c
}

// freePort returns a port of loopback that is free for UDP and TCP a moment ago.
func freePort(t testing.TB) int {
	t.Helper()
	for range 20 {
		tcp, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		port := tcp.Addr().(*net.TCPAddr).Port
		udp, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
		tcp.Close()
		if err == nil {
			udp.Close()
			return port
		}
	}
	t.Fatal("no port is free for UDP and TCP")
	return 0
}

// iceServerStatus is what the API tells of one server, as far as the tests look.
type iceServerStatus struct {
	URL   string  `json:"url"`
	State string  `json:"state"`
	Rank  int     `json:"rank"`
	RTT   float64 `json:"rttMs"`
	Error string  `json:"error"`
}

// waitServers waits until the server believes the states, in the configured order.
func (s *server) waitServers(t testing.TB, within time.Duration, want ...string) []iceServerStatus {
	t.Helper()
	var list struct{ Servers []iceServerStatus }
	waitFor(t, within, fmt.Sprintf("ICE servers to be %v", want), func() error {
		r := s.call(t, http.MethodGet, "/api/ice-servers", "")
		list.Servers = nil
		if err := json.Unmarshal([]byte(r.body), &list); err != nil {
			t.Fatalf("%v in %s", err, r.body)
		}
		var got []string
		for _, server := range list.Servers {
			got = append(got, server.State)
		}
		if !slices.Equal(got, want) {
			return fmt.Errorf("%+v", list.Servers)
		}
		return nil
	})
	return list.Servers
}

// TestCoturn uses two outside servers, one with fixed credentials and one that shares
// a secret with us, and none of our own. Viewers watch through each; the one that
// dies is handed out no more; one that refuses our credentials never is.
func TestCoturn(t *testing.T) {
	t.Parallel()
	fixed := startCoturn(t, "--lt-cred-mech", "--user=test:testpass")
	shared := startCoturn(t, "--use-auth-secret", "--static-auth-secret=north")
	s := startServer(t, "--source", patternSource, "--turn-listen", "off", "--turn-secret", "north",
		"--turn", fmt.Sprintf("turn:test:testpass@127.0.0.1:%d", fixed.port),
		"--turn", fmt.Sprintf("turn:127.0.0.1:%d", shared.port),
		"--turn", fmt.Sprintf("turn:127.0.0.1:%d?transport=tcp", shared.port),
		"--turn", fmt.Sprintf("turn:test:wrong@127.0.0.1:%d", fixed.port))
	s.waitLive(t, "webcam", true, 20*time.Second)
	for _, status := range s.waitServers(t, 20*time.Second, "alive", "alive", "alive", "dead")[:3] {
		if status.RTT <= 0 {
			t.Errorf("%+v: no round-trip time", status)
		}
	}
	servers := s.iceServers(t, "/whep/webcam")
	if len(servers) != 3 {
		t.Fatalf("clients are told of %v, want three", servers)
	}
	of := func(c *coturn, transport string) []webrtc.ICEServer {
		return only(t, servers, fmt.Sprintf(`:%d\?transport=%s$`, c.port, transport))
	}
	for name, through := range map[string][]webrtc.ICEServer{
		"fixed credentials": of(fixed, "udp"), "shared secret": of(shared, "udp"), "shared secret over TCP": of(shared, "tcp"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			watchRelayed(t, s, "webcam", through)
		})
	}
}

// TestDeadCoturnIsNotHandedOut kills one of two servers. That is noticed with the next
// question, which comes within ten seconds.
func TestDeadCoturnIsNotHandedOut(t *testing.T) {
	t.Parallel()
	living := startCoturn(t, "--use-auth-secret", "--static-auth-secret=north")
	dying := startCoturn(t, "--use-auth-secret", "--static-auth-secret=north")
	s := startServer(t, "--source", patternSource, "--turn-listen", "off", "--turn-secret", "north",
		"--turn", fmt.Sprintf("turn:127.0.0.1:%d", dying.port), "--turn", fmt.Sprintf("turn:127.0.0.1:%d", living.port))
	s.waitServers(t, 20*time.Second, "alive", "alive")
	if told := s.iceServers(t, "/whep/webcam"); len(told) != 2 {
		t.Fatalf("clients are told of %v, want both", told)
	}
	dying.kill()
	s.waitServers(t, 40*time.Second, "dead", "alive")
	told := s.iceServers(t, "/whep/webcam")
	if len(told) != 1 || !strings.Contains(told[0].URLs[0], fmt.Sprintf(":%d?", living.port)) {
		t.Errorf("clients are told of %v, want the living one only", told)
	}
}

// TestProfileRelay puts coturn between everybody and the server: its answers tell no
// address of the machine, only that of its relay.
func TestProfileRelay(t *testing.T) {
	t.Parallel()
	c := startCoturn(t, "--use-auth-secret", "--static-auth-secret=north")
	s := startServer(t, "--source", patternSource, "--profile", "relay", "--turn-secret", "north",
		"--turn", fmt.Sprintf("turn:127.0.0.1:%d", c.port))
	s.waitLive(t, "webcam", true, 20*time.Second)
	s.waitServers(t, 20*time.Second, "alive")
	if s.turn.IsValid() {
		t.Errorf("our own TURN server is on, at %v", s.turn)
	}
	v, err := newViewer(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.close() })
	var candidates []string
	v.adapt = func(answer string) string {
		for line := range strings.Lines(answer) {
			if strings.HasPrefix(line, "a=candidate:") {
				candidates = append(candidates, strings.TrimSpace(line))
			}
		}
		return answer
	}
	// The relay is asked for in the background; until it is there, there is no answer to
	// give that anybody could use.
	waitFor(t, 20*time.Second, "an answer with the relay's address", func() error {
		return v.signal("/whep/webcam")
	})
	v.waitPlaying(t)
	if len(candidates) == 0 {
		t.Error("the answer has no candidates")
	}
	for _, candidate := range candidates {
		if !strings.Contains(candidate, " typ relay") || strings.Contains(candidate, fmt.Sprintf(" %d typ", s.media.Port())) {
			t.Errorf("the answer tells %s", candidate)
		}
	}
}
