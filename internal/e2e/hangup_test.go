//go:build e2e && linux

package e2e_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
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
		t.Skipf("there are no pseudo-terminals: %v", err)
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

// TestClosedTerminalEndsTheServer starts the server in a terminal: SIGHUP there is a wish to
// reload, but when the window is closed, nobody is left whose camera it could be.
func TestClosedTerminalEndsTheServer(t *testing.T) {
	t.Parallel()
	screen, terminal := pseudoTerminal(t)
	log := &growingText{}
	cmd := exec.Command(binary, "--http", "127.0.0.1:0", "--media", "127.0.0.1:0", "--source", patternSource)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = terminal, log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 0}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	terminal.Close() // the server has its own

	logged := func(part string) {
		t.Helper()
		waitFor(t, 20*time.Second, "the log to have "+part, func() error {
			if !strings.Contains(log.String(), part) {
				return errNotYet
			}
			return nil
		})
	}
	logged("msg=listening")
	if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	logged("msg=reloaded")
	screen.Close()
	if err := receive(t, 15*time.Second, "the server to end with its terminal", exited); err != nil {
		t.Errorf("it did not end well: %v\n%s", err, log.String())
	}
}
