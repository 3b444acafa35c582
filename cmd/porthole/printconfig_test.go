package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// printed returns what --print-config makes of flags and variables.
func printed(t *testing.T, environ []string, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	if code := run(t.Context(), append(args, "--print-config"), environ, &out, &errs); code != exitOK || errs.Len() > 0 {
		t.Fatalf("exit code %d, %s", code, &errs)
	}
	return out.String()
}

// What --print-config prints, given back, is the same configuration.
func TestPrintedConfigurationGivesTheSame(t *testing.T) {
	publish, turn := secretFile(t, "pub", 0o600), secretFile(t, "turn:17%3Au:p@ss@t.example:3478?transport=tcp\n", 0o600)
	hush, view := secretFile(t, "hush", 0o600), secretFile(t, "view", 0o600)
	files := map[string]string{
		"--publish-token": publish, "--turn": turn, "--turn-secret": hush, "--view-token": view,
	}
	every := everyFlag()
	for i, arg := range every {
		if file, ok := files[arg]; ok {
			every[i], every[i+1] = arg+"-file", file
		}
	}
	every = append(every, "--source", "door=pattern:?size=160x90&fps=5", "--source", "hall=camera:")
	for name, args := range map[string][]string{
		"defaults": nil, "everything": every,
		"a list that is emptied":          {"--config", file(t, "profile: internet\nstun: []\npublic-ip: []\n")},
		"texts that YAML means otherwise": {"--cert", "yes", "--key", "~", "--host", "null", "--interfaces", "!docker0"},
	} {
		t.Run(name, func(t *testing.T) {
			want, err := loadConfig(args, environment(nil))
			if err != nil {
				t.Fatal(err)
			}
			text := printed(t, environment(nil), args...)
			got, err := loadConfig([]string{"--config", file(t, text)}, environment(nil))
			if err != nil {
				t.Fatalf("%v, in\n%s", err, text)
			}
			// They name the same files, by another path or in another order.
			if len(got.SecretFiles) != len(want.SecretFiles) {
				t.Errorf("%d files with secrets, want %d", len(got.SecretFiles), len(want.SecretFiles))
			}
			got.SecretFiles, want.SecretFiles = nil, nil
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got  %+v\nwant %+v\nof\n%s", got, want, text)
			}
		})
	}
}

func TestPrintedConfigurationTellsOriginsAndNoSecrets(t *testing.T) {
	view, configuration := secretFile(t, "s3cret-view", 0o600), file(t, "\nmax-viewers: 9\n")
	text := printed(t, environment(map[string]string{
		"PORTHOLE_VIEW_TOKEN_FILE": view, "PORTHOLE_VIEW_TOKEN": "", "PORTHOLE_GRACE": "9s", "PORTHOLE_TURN_SECRET_FILE": view,
	}), "--publish-token", "s3cret-publish", "--turn", "turn:u:s3cret@h", "--config", configuration, "--turn-secret", "s3cret-flag")
	for _, line := range []string{
		"# publish-token: is set and not shown # --publish-token", "view-token-file: " + view + " # PORTHOLE_VIEW_TOKEN_FILE",
		"# turn: is set and not shown # --turn", "grace: 9s # PORTHOLE_GRACE", "http: 127.0.0.1:8080 # default",
		"max-viewers: 9 # " + configuration + ":2: max-viewers",
		"# turn-secret: is set and not shown # --turn-secret", // a flag overrules a file of the environment
	} {
		if !slices.Contains(strings.Split(text, "\n"), line) {
			t.Errorf("there is no line %q in\n%s", line, text)
		}
	}
	if strings.Contains(text, "s3cret") {
		t.Errorf("a secret is printed: %s", text)
	}
}

// A mistake is told, and nothing printed.
func TestWrongConfigurationIsNotPrinted(t *testing.T) {
	code, stdout, stderr := call(t, "--print-config", "--max-viewers", "few")
	if code != exitUsage || stdout != "" || !strings.Contains(stderr, "--max-viewers") {
		t.Errorf("exit code %d, %q, %q", code, stdout, stderr)
	}
}

// Each shell that is here parses its script; bash completes with it.
func TestCompletions(t *testing.T) {
	scripts := make(map[string]string)
	for _, shell := range []string{"bash", "zsh", "fish"} {
		code, stdout, stderr := call(t, "completion", shell)
		if code != exitOK || stderr != "" {
			t.Fatalf("%s: exit code %d, %s", shell, code, stderr)
		}
		for _, name := range append(serveSettings().Names(), "config", "print-config", "whep") {
			if !strings.Contains(stdout, name) {
				t.Errorf("%s: nothing about --%s", shell, name)
			}
		}
		for _, c := range commands() {
			if !strings.Contains(stdout, c.name) {
				t.Errorf("%s: nothing about %s", shell, c.name)
			}
		}
		scripts[shell] = filepath.Join(t.TempDir(), shell)
		if err := os.WriteFile(scripts[shell], []byte(stdout), 0o600); err != nil {
			t.Fatal(err)
		}
		t.Run(shell, func(t *testing.T) {
			path, err := exec.LookPath(shell)
			switch {
			case err != nil && os.Getenv("CI") != "":
				t.Fatalf("%s is not installed; `make test` installs it before this", shell)
			case err != nil:
				t.Skipf("%s is not installed: make test-quick needs only Go and g++", shell)
			}
			if out, err := exec.CommandContext(t.Context(), path, "-n", scripts[shell]).CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Fatal("bash is not installed, and scripts/ needs it, too")
	}
	here := t.TempDir()
	if err := os.WriteFile(filepath.Join(here, "my porthole.yaml"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		words []string // the last one is being typed
		want  []string
	}{
		{[]string{"de"}, []string{"devices"}},
		{[]string{"--max-v"}, []string{"--max-viewers"}},
		{[]string{"serve", "--view"}, []string{"--view-token", "--view-token-file"}},
		{[]string{"--log-level", "w"}, []string{"warn"}},
		{[]string{"--grace", ""}, nil},
		{[]string{"load", "--js"}, []string{"--json"}},
		{[]string{"completion", ""}, []string{"bash", "zsh", "fish"}},
		{[]string{"doctor", "--config", "my"}, []string{"my porthole.yaml"}},
	} {
		const script = `source "$1"; shift; COMP_WORDS=(porthole "$@"); COMP_CWORD=$#; _porthole; printf '%s\n' "${COMPREPLY[@]}"`
		cmd := exec.CommandContext(t.Context(), bash, append([]string{"--norc", "-c", script, "bash", scripts["bash"]}, tt.words...)...)
		cmd.Dir = here
		out, err := cmd.CombinedOutput()
		if got := strings.FieldsFunc(string(out), func(r rune) bool { return r == '\n' }); err != nil || !slices.Equal(got, tt.want) {
			t.Errorf("%q: %q, %v; want %q", tt.words, got, err, tt.want)
		}
	}
	if code, _, stderr := call(t, "completion", "tcsh"); code != exitUsage || !strings.Contains(stderr, "bash, zsh, fish") {
		t.Errorf("exit code %d, %s", code, stderr)
	}
}
