//go:build e2e

package e2e_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patternSource is a source small enough that clients and server fit on two
// processors, the server with the race detector.
const patternSource = "webcam=pattern:?size=640x360&fps=30&bitrate=800k"

// server is one running porthole.
type server struct {
	t   testing.TB
	cmd *exec.Cmd

	url   string         // of the pages and the API, without a slash at the end
	media netip.AddrPort // of ICE, UDP and TCP
	turn  netip.AddrPort // of our own TURN server; zero when it is off

	certificate string // file of its certificate; "" without TLS

	log    serverLog
	exited chan struct{} // closed when the process has ended and its output is read
	err    error         // how it ended; to be read after exited
	ending bool          // the test ends it itself
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
	base := []string{"--http", "127.0.0.1:0", "--media", "127.0.0.1:0", "--log-format", "json", "--log-level", "debug"}
	s := &server{t: t, cmd: exec.Command(program, append(base, args...)...), exited: make(chan struct{})}
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
	go func() { defer close(read); s.log.read(reader, listening) }()
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
		if l.TURN != "" {
			s.turn = netip.MustParseAddrPort(l.TURN)
		}
	case <-s.exited:
		t.Fatalf("porthole %s ended at once: %v", strings.Join(s.cmd.Args[1:], " "), s.err)
	case <-time.After(20 * time.Second):
		t.Fatal("waited 20s for the log record msg=listening")
	}
	return s
}

// stop asks the server to end as an operator would and judges how it does.
func (s *server) stop() {
	select {
	case <-s.exited:
		if !s.ending {
			s.t.Errorf("porthole ended before it was told to: %v", s.err)
		}
	default:
		s.terminate()
	}
	log := s.log.String()
	if strings.Contains(log, "DATA RACE") {
		s.t.Error("the race detector found a data race in porthole")
	}
	if strings.Contains(log, "panic:") {
		s.t.Error("porthole panicked")
	}
	s.keepLog(log)
}

// end sends a signal and waits until the process has ended, which is returned as it
// would be by a shell: the exit code, or 128 and the signal's number.
func (s *server) end(within time.Duration, signals ...syscall.Signal) (code int) {
	s.t.Helper()
	s.ending = true
	for _, sig := range signals {
		if err := s.cmd.Process.Signal(sig); err != nil {
			s.t.Fatalf("send %v: %v", sig, err)
		}
	}
	receive(s.t, within, "the process to end", s.exited)
	state := s.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if state.Signaled() {
		return 128 + int(state.Signal())
	}
	return state.ExitStatus()
}

func (s *server) terminate() {
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Errorf("send SIGTERM: %v", err)
	}
	select {
	case <-s.exited:
		if s.err != nil {
			s.t.Errorf("porthole did not end well after SIGTERM: %v", s.err)
		}
	case <-time.After(15 * time.Second):
		s.t.Error("porthole was still there 15s after SIGTERM")
		// SIGQUIT makes the runtime print what every goroutine waits for.
		_ = s.cmd.Process.Signal(syscall.SIGQUIT)
		select {
		case <-s.exited:
		case <-time.After(5 * time.Second):
			_ = s.cmd.Process.Kill()
			<-s.exited
		}
	}
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

// listeningRecord is the log record that says where the server can be reached.
type listeningRecord struct {
	Msg   string `json:"msg"`
	HTTP  string `json:"http"`
	Media string `json:"media"`
	TURN  string `json:"turn"`
}

// serverLog collects what a server prints. Safe for concurrent use.
type serverLog struct {
	mu   sync.Mutex
	text strings.Builder // guarded by mu
}

func (l *serverLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// read collects lines until the end of from and reports the first record that
// has msg=listening.
func (l *serverLog) read(from io.Reader, listening chan<- listeningRecord) {
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
				fmt.Fprintln(os.Stderr, "e2e: read the server's output:", err)
			}
			return
		}
	}
}
