// Package processtest runs the real program for tests, and judges how it ends.
package processtest

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	startTime = 30 * time.Second // until it listens
	endTime   = 30 * time.Second // after SIGTERM
	dumpTime  = 5 * time.Second  // for telling what its goroutines wait for
)

// Build builds porthole as a file, with the race detector or without cgo.
func Build(file string, race bool) error {
	build := exec.Command("go", "build", fmt.Sprintf("-race=%v", race), "-o", file, "porthole/cmd/porthole") //nolint:noctx // the test's time limit ends it
	if !race {
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
	}
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build porthole: %w\n%s", err, out)
	}
	return nil
}

// Server is one running porthole.
type Server struct {
	Cmd *exec.Cmd

	// Where it listens. TURN is the zero value when its TURN server is off.
	HTTP, Media, TURN netip.AddrPort

	// Exited is closed when the process has ended and its output is read.
	Exited <-chan struct{}

	err error // how it ended; to be read after Exited
	log log
}

// Start runs a program on free loopback ports, and waits until it listens. It fails the
// test when the program does not. Whoever calls it ends it.
func Start(t testing.TB, program string, args ...string) *Server {
	t.Helper()
	exited := make(chan struct{})
	base := []string{"--http", "127.0.0.1:0", "--media", "127.0.0.1:0", "--log-format", "json"}
	s := &Server{Cmd: exec.Command(program, append(base, args...)...), Exited: exited} //nolint:noctx // it ends by signals
	// A clean environment: a PORTHOLE_ variable of the machine is not part of the test.
	s.Cmd.Env = []string{"HOME=" + t.TempDir(), "PATH=" + os.Getenv("PATH"), "GORACE=halt_on_error=0"}
	reader, writer := io.Pipe()
	s.Cmd.Stdout, s.Cmd.Stderr = writer, writer
	s.Cmd.WaitDelay = 5 * time.Second
	if err := s.Cmd.Start(); err != nil {
		t.Fatalf("start porthole: %v", err)
	}
	listening := make(chan listeningRecord, 1) // one slot: written once, perhaps after nobody waits
	read := make(chan struct{})
	go func() { defer close(read); s.log.read(reader, listening) }()
	go func() {
		s.err = s.Cmd.Wait() // returns when the process has ended and its output is copied
		_ = writer.Close()
		<-read
		close(exited)
	}()
	select {
	case l := <-listening:
		s.HTTP, s.Media, s.TURN = l.HTTP, l.Media, l.TURN
	case <-exited:
		t.Fatalf("porthole %s ended at once: %v\n%s", strings.Join(s.Cmd.Args[1:], " "), s.err, s.Log())
	case <-time.After(startTime):
		_ = s.Cmd.Process.Kill()
		<-exited
		t.Fatalf("waited %v in vain for the log record msg=listening\n%s", startTime, s.Log())
	}
	return s
}

// Err is how the process ended, after Exited.
func (s *Server) Err() error { return s.err }

// Log returns what the server has printed so far.
func (s *Server) Log() string { return s.log.String() }

// HasExited says whether the process has ended.
func (s *Server) HasExited() bool {
	select {
	case <-s.Exited:
		return true
	default:
		return false
	}
}

// Terminate ends the process as an operator would, unless a signal is on its way to it
// already, and judges how it does.
func (s *Server) Terminate(t testing.TB, signalled bool) {
	t.Helper()
	if !signalled && !s.HasExited() {
		if err := s.Cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Errorf("send SIGTERM: %v", err)
		}
	}
	select {
	case <-s.Exited:
		if s.err != nil {
			t.Errorf("porthole did not end well after SIGTERM: %v", s.err)
		}
		return
	case <-time.After(endTime):
	}
	t.Errorf("porthole was still there %v after SIGTERM", endTime)
	_ = s.Cmd.Process.Signal(syscall.SIGQUIT) // the runtime prints what every goroutine waits for
	select {
	case <-s.Exited:
	case <-time.After(dumpTime):
		_ = s.Cmd.Process.Kill()
		<-s.Exited
	}
}

// CheckLog fails the test for a data race or a panic, and for other texts that must not
// be there.
func (s *Server) CheckLog(t testing.TB, others ...string) {
	t.Helper()
	log := s.Log()
	for _, fault := range append([]string{"DATA RACE", "panic:"}, others...) {
		if strings.Contains(log, fault) {
			t.Errorf("the server's log has %q", fault)
		}
	}
}

// listeningRecord is the log record that says where the server can be reached.
type listeningRecord struct {
	Msg   string         `json:"msg"`
	HTTP  netip.AddrPort `json:"http"`
	Media netip.AddrPort `json:"media"`
	TURN  netip.AddrPort `json:"turn"`
}

// log collects what a server prints. Safe for concurrent use.
type log struct {
	mu   sync.Mutex
	text strings.Builder // guarded by mu
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// read collects lines until the end of from, and reports the first record that has
// msg=listening.
func (l *log) read(from io.Reader, listening chan<- listeningRecord) {
	lines := bufio.NewReader(from)
	for {
		line, err := lines.ReadString('\n')
		l.mu.Lock()
		l.text.WriteString(line)
		l.mu.Unlock()
		var record listeningRecord
		if json.Unmarshal([]byte(line), &record) == nil && record.Msg == "listening" {
			select {
			case listening <- record:
			default:
			}
		}
		if err != nil {
			if !errors.Is(err, io.EOF) {
				fmt.Fprintln(os.Stderr, "read the server's output:", err)
			}
			return
		}
	}
}
