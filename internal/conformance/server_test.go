package conformance_test

import (
	"bufio"
	"encoding/json"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is how long a test waits for what should happen at once.
const patience = 15 * time.Second

// server is one running porthole.
type server struct {
	t   testing.TB
	cmd *exec.Cmd

	url   string         // without a slash at the end
	media netip.AddrPort // UDP and TCP
	token string         // with which the tests look at the API; empty: none is needed
	trust bool           // the certificate is one of the test's own

	draining bool // it was told to end by drain

	exited chan struct{} // closed when the process has ended and its output is read
	err    error         // how it ended; to be read after exited

	mu  sync.Mutex
	log strings.Builder // guarded by mu
}

// start runs porthole on free loopback ports until the end of the test, which
// fails when the server does not end well, has a data race or panics.
func start(t testing.TB, args ...string) *server {
	t.Helper()
	base := []string{"--http", "127.0.0.1:0", "--media", "127.0.0.1:0", "--log-format", "json", "--log-level", "info"}
	if !slices.Contains(args, "--turn-listen") { // so that Link headers are what the test says
		base = append(base, "--turn-listen", "off")
	}
	if raceDetector || os.Getenv("CONFORMANCE_BINARY") != "" { // it has cgo, and so would look for a camera
		base = append(base, "--source", "unused=pattern:?size=160x120&fps=1&bitrate=50k")
	}
	s := &server{t: t, cmd: exec.Command(porthole, append(base, args...)...), exited: make(chan struct{})}
	if i := slices.Index(args, "--view-token"); i >= 0 {
		s.token = "Bearer " + args[i+1]
	}
	// A clean environment: a PORTHOLE_ variable of the machine is not part of the test.
	s.cmd.Env = []string{"HOME=" + t.TempDir(), "PATH=" + os.Getenv("PATH"), "GORACE=halt_on_error=0"}
	reader, writer := io.Pipe()
	s.cmd.Stdout, s.cmd.Stderr = writer, writer
	s.cmd.WaitDelay = 5 * time.Second
	if err := s.cmd.Start(); err != nil {
		t.Fatalf("start porthole: %v", err)
	}
	listening := make(chan listeningRecord, 1) // one slot: written once, perhaps after nobody waits
	read := make(chan struct{})
	go func() { defer close(read); s.read(reader, listening) }()
	go func() {
		s.err = s.cmd.Wait() // returns when the process has ended and its output is copied
		writer.Close()
		<-read
		close(s.exited)
	}()
	t.Cleanup(s.stop)
	select {
	case l := <-listening:
		s.url = "http://" + l.HTTP
		s.media = netip.MustParseAddrPort(l.Media)
	case <-s.exited:
		t.Fatalf("porthole %s ended at once: %v\n%s", strings.Join(s.cmd.Args[1:], " "), s.err, s.logText())
	case <-time.After(2 * patience):
		t.Fatal("waited in vain for the log record msg=listening")
	}
	return s
}

// listeningRecord is the log record that says where the server can be reached.
type listeningRecord struct {
	Msg   string `json:"msg"`
	HTTP  string `json:"http"`
	Media string `json:"media"`
}

// read collects what the server prints and reports where it listens.
func (s *server) read(from io.Reader, listening chan<- listeningRecord) {
	lines := bufio.NewReader(from)
	for {
		line, err := lines.ReadString('\n')
		s.mu.Lock()
		s.log.WriteString(line)
		s.mu.Unlock()
		var record listeningRecord
		if json.Unmarshal([]byte(line), &record) == nil && record.Msg == "listening" {
			select {
			case listening <- record:
			default:
			}
		}
		if err != nil {
			return // io.EOF, when the process has ended
		}
	}
}

func (s *server) logText() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.String()
}

// drain tells the server to end, which it does when its sessions have.
func (s *server) drain() {
	s.t.Helper()
	s.draining = true
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Fatalf("send SIGTERM: %v", err)
	}
}

// stop asks the server to end as an operator would and judges how it does.
func (s *server) stop() {
	select {
	case <-s.exited:
		if !s.draining {
			s.t.Errorf("porthole ended before it was told to: %v", s.err)
		}
	default:
		if s.draining {
			break // a second signal would end it at once
		}
		if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			s.t.Errorf("send SIGTERM: %v", err)
		}
	}
	select {
	case <-s.exited:
		if s.err != nil {
			s.t.Errorf("porthole did not end well after SIGTERM: %v", s.err)
		}
	case <-time.After(2 * patience):
		s.t.Error("porthole was still there long after SIGTERM")
		_ = s.cmd.Process.Kill()
		<-s.exited
	}
	log := s.logText()
	for _, fault := range []string{"DATA RACE", "panic"} {
		if strings.Contains(log, fault) {
			s.t.Errorf("the server's log has %q", fault)
		}
	}
	if s.t.Failed() {
		s.t.Logf("porthole's log:\n%s", log)
	}
}
