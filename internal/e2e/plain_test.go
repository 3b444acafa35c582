//go:build e2e && linux

package e2e_test

import (
	"bytes"
	"debug/buildinfo"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// plainBinary returns a porthole without the race detector, which multiplies
// memory and time: what is measured shall be what people run.
func plainBinary(t testing.TB) string {
	t.Helper()
	if os.Getenv("E2E_BINARY") != "" && !raceEnabled(t, binary) {
		return binary
	}
	program := filepath.Join(filepath.Dir(binary), "porthole-plain")
	if os.Getenv("E2E_BINARY") != "" {
		program = filepath.Join(t.TempDir(), "porthole")
	}
	if _, err := os.Stat(program); err == nil {
		return program // built by another test; tests that use it do not run at the same time
	}
	command(t, "", "go", "build", "-o", program, "porthole/cmd/porthole")
	return program
}

func raceEnabled(t testing.TB, program string) bool {
	t.Helper()
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		t.Fatalf("read how %s was built: %v", program, err)
	}
	return slices.ContainsFunc(info.Settings, func(s debug.BuildSetting) bool { return s.Key == "-race" && s.Value == "true" })
}

// loadReport is what `porthole load --json` prints, as far as the tests look.
type loadReport struct {
	Keyframe      int          `json:"keyframe"`
	FullRate      int          `json:"full_rate"`
	FirstKeyframe distribution `json:"first_keyframe_ms"`
	FrameDelay    distribution `json:"frame_delay_ms"`
	FrameRate     distribution `json:"frame_rate"`
	Lost          int          `json:"lost"`
	Failures      []struct {
		Reason   string `json:"reason"`
		Sessions int    `json:"sessions"`
	} `json:"failures"`
	Verdict struct {
		Text string `json:"text"`
	} `json:"verdict"`
}

type distribution struct {
	Count int     `json:"count"`
	P50   float64 `json:"p50"`
	P95   float64 `json:"p95"`
	Max   float64 `json:"max"`
}

func (d distribution) String() string {
	return fmt.Sprintf("median %.0f, p95 %.0f, most %.0f ms of %d", d.P50, d.P95, d.Max, d.Count)
}

// startLoad watches a stream with many viewers at once; wait returns the report.
func startLoad(t testing.TB, s *server, stream string, viewers int, ramp, watch time.Duration) (wait func() loadReport) {
	t.Helper()
	finish := beginLoad(t, s, stream, viewers, ramp, watch)
	return func() loadReport {
		t.Helper()
		report, err := finish()
		if err != nil {
			t.Fatal(err)
		}
		if report.Keyframe != viewers || len(report.Failures) > 0 {
			t.Errorf("not all of %d viewers got a whole keyframe: %+v", viewers, report)
		}
		return report
	}
}

// beginLoad is startLoad for viewers who may be served badly. The error of finish says
// that they were; there can be a report all the same.
func beginLoad(t testing.TB, s *server, stream string, viewers int, ramp, watch time.Duration) (finish func() (loadReport, error)) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), plainBinary(t), "load", "--whep", s.url+"/whep/"+stream, "--json",
		"--viewers", strconv.Itoa(viewers), "--ramp", ramp.String(), "--for", watch.String())
	if s.certificate != "" {
		cmd.Env = append(os.Environ(), "SSL_CERT_FILE="+s.certificate)
	}
	var out, errors bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errors
	if err := cmd.Start(); err != nil {
		t.Fatalf("start the viewers: %v", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	return func() (report loadReport, err error) {
		t.Helper()
		err = receive(t, ramp+watch+30*time.Second, "the viewers to end", ended)
		if unread := json.Unmarshal(out.Bytes(), &report); unread != nil {
			t.Fatalf("read the report of %s: %v\n%s", strings.Join(cmd.Args, " "), unread, errors.String())
		}
		if err != nil {
			err = fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, errors.String())
		}
		return report, err
	}
}
