//go:build e2e

package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// porthole runs the program to its end and returns what it printed.
func porthole(t *testing.T, within time.Duration, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Env = []string{"HOME=" + t.TempDir(), "PATH=" + os.Getenv("PATH")}
	cmd.WaitDelay = 5 * time.Second
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if ctx.Err() != nil {
		t.Fatalf("porthole %s had not ended after %v; it said:\n%s%s", strings.Join(args, " "), within, out.String(), errs.String())
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		code = exit.ExitCode()
	} else if err != nil {
		t.Fatalf("run porthole: %v", err)
	}
	return out.String(), errs.String(), code
}

// TestWrongStartsSayWhatIsWrong gives the program what it cannot use. It must
// end at once, with one line that names the culprit.
func TestWrongStartsSayWhatIsWrong(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := taken.Addr().String()
	config := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(config, []byte("max-viewrs: 3\n"), 0o600); err != nil {
		t.Fatal(err)
	}

	const usage, failure = 2, 1
	for _, c := range []struct {
		name  string
		args  []string
		code  int
		names string // what the line must mention
	}{
		{"an unknown flag", []string{"--nonsense"}, usage, "nonsense"},
		{"an unknown command", []string{"serv"}, usage, "serv"},
		{"a value that is none", []string{"--max-viewers", "many"}, usage, "max-viewers"},
		{"a source of an unknown kind", []string{"--source", "webcam=radio:"}, usage, "radio"},
		{"a config file that is not there", []string{"--config", "/nonexistent.yaml"}, 0, "/nonexistent.yaml"},
		{"a config file with a slip", []string{"--config", config}, 0, "max-viewrs"},
		{"a device that is not there", []string{"--source", "webcam=camera:/dev/nonexistent"}, failure, "/dev/nonexistent"},
		{"a port in use for HTTP", []string{"--source", patternSource, "--http", port}, failure, port},
		{"a port in use for media", []string{"--source", patternSource, "--media", port}, failure, port},
	} {
		t.Run(c.name, func(t *testing.T) {
			args := c.args
			if strings.HasPrefix(args[0], "-") {
				// Not even a start that succeeds by mistake may take a fixed port. What comes later wins.
				args = append([]string{"--http", "127.0.0.1:0", "--media", "127.0.0.1:0"}, args...)
			}
			_, stderr, code := porthole(t, 10*time.Second, args...)
			if c.code != 0 && code != c.code || code != usage && code != failure {
				t.Errorf("exit code %d, want %d; it said: %s", code, c.code, stderr)
			}
			if !strings.Contains(stderr, c.names) {
				t.Errorf("it does not mention %q: %s", c.names, stderr)
			}
			if lines := strings.Count(strings.TrimSpace(stderr), "\n") + 1; lines > 3 {
				t.Errorf("%d lines for one fault: %s", lines, stderr)
			}
		})
	}
}

// TestLoadMeasuresTheServer runs the load generator against the server.
func TestLoadMeasuresTheServer(t *testing.T) {
	t.Parallel()
	s := startServer(t, "--source", patternSource)
	s.waitLive(t, "webcam", true, 20*time.Second)
	stdout, stderr, code := porthole(t, 40*time.Second, "load", "--whep", s.url+"/whep/webcam", "--viewers", "3", "--for", "4s", "--json")
	var report struct {
		Answered, Connected, Media, Keyframe int
		Lost                                 int
	}
	if err := json.Unmarshal([]byte(stdout), &report); err != nil {
		t.Fatalf("exit code %d, %v in %s\n%s", code, err, stdout, stderr)
	}
	if report.Answered != 3 || report.Connected != 3 || report.Media != 3 || report.Keyframe != 3 || report.Lost != 0 {
		t.Errorf("want all three viewers served and no packet lost: %s", stdout)
	}
	s.waitViewers(t, "webcam", 0, 10*time.Second)
}
