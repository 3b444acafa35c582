package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
)

// examine runs the doctor and returns its exit code and what it printed. The camera
// is left alone: a test picture is what is to be shown.
func examine(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	args = append([]string{"doctor", "--http", "127.0.0.1:0", "--media", "127.0.0.1:0", "--source", "cam=pattern:?size=160x90"}, args...)
	code = run(t.Context(), args, environment(nil), &out, &errs)
	return code, out.String(), errs.String()
}

func TestDoctorOfAHealthyServer(t *testing.T) {
	code, stdout, stderr := examine(t)
	if code != exitOK || stderr != "" {
		t.Errorf("exit code %d, %s\n%s", code, stderr, stdout)
	}
	for _, line := range []string{"--http TCP", "--media UDP", "clients are told", "encoder for cam", "HTTPS"} {
		if !strings.Contains(stdout, line) {
			t.Errorf("there is no line %q in\n%s", line, stdout)
		}
	}
	if strings.Contains(stdout, "\x1b") {
		t.Error("there are colours, and no terminal")
	}
}

// What does not work makes exit code 1, and the JSON says the same as the table.
func TestDoctorFindsWhoHasThePort(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	code, stdout, _ := examine(t, "--http", taken.Addr().String(), "--json")
	var report struct {
		Verdict string
		Checks  []struct {
			Name, Verdict, Found, Cure string
			Data                       struct{ Holders []int }
		}
	}
	if err := json.Unmarshal([]byte(stdout), &report); err != nil {
		t.Fatalf("%v: %s", err, stdout)
	}
	if code != exitFailure || report.Verdict != "fail" {
		t.Errorf("exit code %d, verdict %s", code, report.Verdict)
	}
	first := report.Checks[0]
	holder := fmt.Sprintf("(pid %d)", os.Getpid())
	if first.Name != "--http TCP" || first.Verdict != "fail" || !strings.Contains(first.Found, holder) ||
		first.Cure == "" || !slices.Contains(first.Data.Holders, os.Getpid()) {
		t.Errorf("got %+v", first)
	}
}

func TestDoctorTakesTheSettingsOfServe(t *testing.T) {
	code, stdout, stderr := examine(t, "--cert", "a.pem")
	if code != exitUsage || stdout != "" || !strings.Contains(stderr, "--key") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	code, stdout, _ = examine(t, "--cert", "/nowhere/cert.pem", "--key", "/nowhere/key.pem")
	if code != exitFailure || !strings.Contains(stdout, "/nowhere/cert.pem") {
		t.Errorf("exit code %d: %s", code, stdout)
	}
	code, stdout, _ = examine(t, "--help")
	if code != exitOK || !strings.Contains(stdout, "--json") || strings.Contains(stdout, "--media") || !strings.Contains(stdout, "porthole help serve") {
		t.Errorf("exit code %d: %s", code, stdout)
	}
	if _, stdout, _ := examine(t, "--turn", "turn:bob:hush-hush@127.0.0.1:1?transport=tcp"); strings.Contains(stdout, "hush") {
		t.Errorf("the report tells the password: %s", stdout)
	}
}
