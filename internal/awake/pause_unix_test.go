//go:build unix

package awake_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"porthole/internal/awake"
)

const asChild = "AWAKE_TEST_CHILD"

// TestMain lets the test's program be the process that is stopped.
func TestMain(m *testing.M) {
	if os.Getenv(asChild) == "" {
		os.Exit(m.Run())
	}
	over := make(chan struct{})
	timer := awake.AfterFunc(timerLength, func() { close(over) })
	began := time.Now()
	fmt.Println("begun")
	<-over
	fmt.Println(time.Since(began), timer.Lost())
}

const timerLength = 1500 * time.Millisecond

// TestTimerDoesNotCountAPause stops a process for longer than its timer.
func TestTimerDoesNotCountAPause(t *testing.T) {
	const pause = 3 * time.Second
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), asChild+"=1")
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = child.Process.Kill(); _ = child.Wait() }()
	lines := bufio.NewScanner(out)
	if !lines.Scan() || lines.Text() != "begun" {
		t.Fatalf("the child says %q", lines.Text())
	}
	if err := child.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	time.Sleep(pause) // the pause is the test
	if err := child.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if !lines.Scan() {
		t.Fatal("the child says nothing after the pause")
	}
	took, lost, _ := strings.Cut(lines.Text(), " ")
	t.Logf("a timer of %v took %s with a pause of %v, of which it lost %s", timerLength, took, pause, lost)
	// The part in which the pause began counts as a whole, so half a second is left.
	if d, err := time.ParseDuration(took); err != nil || d < pause+400*time.Millisecond {
		t.Errorf("the timer took %s, want at least half a second after the pause", took)
	}
	if d, err := time.ParseDuration(lost); err != nil || d < pause-time.Second {
		t.Errorf("the timer lost %s of a pause of %v", lost, pause)
	}
}
