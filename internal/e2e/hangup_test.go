//go:build e2e && linux

package e2e_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// pseudoTerminal opens the two ends of a terminal.
func pseudoTerminal(t *testing.T) (screen, terminal *os.File) {
	t.Helper()
	screen, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatalf("open a pseudo-terminal: %v", err)
	}
	t.Cleanup(func() { screen.Close() })
	if err := unix.IoctlSetPointerInt(int(screen.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatalf("unlock the terminal: %v", err)
	}
	number, err := unix.IoctlGetInt(int(screen.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatalf("number of the terminal: %v", err)
	}
	terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { terminal.Close() })
	return screen, terminal
}

// growingText may be read while a program writes to it.
type growingText struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (g *growingText) Write(b []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.text.Write(b)
}

func (g *growingText) String() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.text.String()
}

// inTerminal is a server that was started in a terminal.
type inTerminal struct {
	cmd    *exec.Cmd
	screen *os.File // closing it closes the terminal
	log    *growingText
	exited chan error
}

// startInTerminal starts the program, by way of the words before it, and waits until it listens.
func startInTerminal(t *testing.T, before ...string) *inTerminal {
	t.Helper()
	screen, terminal := pseudoTerminal(t)
	args := append(before, binary, "--http", "127.0.0.1:0", "--media", "127.0.0.1:0", "--source", patternSource)
	s := &inTerminal{cmd: exec.Command(args[0], args[1:]...), screen: screen, log: &growingText{}, exited: make(chan error, 1)}
	s.cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
	s.cmd.Stdin, s.cmd.Stdout, s.cmd.Stderr = terminal, s.log, s.log
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 0}
	// Tests that run under nohup ignore SIGHUP, and what they start would, too. What is
	// handled here has its usual effect there.
	handled := make(chan os.Signal, 1)
	signal.Notify(handled, syscall.SIGHUP)
	t.Cleanup(func() { signal.Stop(handled) })
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { s.exited <- s.cmd.Wait() }()
	t.Cleanup(func() { _ = s.cmd.Process.Kill() }) // if it is still there
	terminal.Close()                               // the server has its own
	s.waitLogged(t, "msg=listening", 1)
	return s
}

// waitLogged waits until the log has a text so many times.
func (s *inTerminal) waitLogged(t *testing.T, text string, times int) {
	t.Helper()
	waitFor(t, 20*time.Second, fmt.Sprintf("the log to have %s %d times", text, times), func() error {
		if strings.Count(s.log.String(), text) < times {
			return errNotYet
		}
		return nil
	})
}

func (s *inTerminal) signal(t *testing.T, sig syscall.Signal) {
	t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		t.Fatalf("send %v: %v", sig, err)
	}
}

func (s *inTerminal) waitEnded(t *testing.T) {
	t.Helper()
	select {
	case err := <-s.exited:
		if err != nil {
			t.Errorf("it did not end well: %v\n%s", err, s.log.String())
		}
	case <-time.After(15 * time.Second):
		_ = s.cmd.Process.Signal(syscall.SIGQUIT) // the runtime prints what every goroutine waits for
		select {
		case <-s.exited:
		case <-time.After(5 * time.Second):
		}
		t.Errorf("the server did not end within 15 s:\n%s", s.log.String())
	}
}

// TestClosedTerminalEndsTheServer starts the server in a terminal: SIGHUP there is a wish to
// reload, but when the window is closed, nobody is left whose camera it could be.
func TestClosedTerminalEndsTheServer(t *testing.T) {
	t.Parallel()
	s := startInTerminal(t)
	s.signal(t, syscall.SIGHUP)
	s.waitLogged(t, "msg=reloaded", 1)
	s.screen.Close()
	s.waitEnded(t)
}

// TestNohupOutlivesTheTerminal does the same with nohup, which says that it shall stay.
func TestNohupOutlivesTheTerminal(t *testing.T) {
	t.Parallel()
	s := startInTerminal(t, "nohup")
	s.screen.Close()
	s.waitLogged(t, "msg=reloaded", 1) // what the signal of the terminal was taken for
	s.signal(t, syscall.SIGHUP)
	s.waitLogged(t, "msg=reloaded", 2)
	s.signal(t, syscall.SIGTERM)
	s.waitEnded(t)
}
