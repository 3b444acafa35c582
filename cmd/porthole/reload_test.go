package main

import (
	"errors"
	"log/slog"
	"os"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	"porthole/internal/server"
)

// What the table marks as reloadable is what a server takes on, and nothing else.
func TestTableAndServerAgreeOnWhatReloads(t *testing.T) {
	running := server.DefaultConfig()
	next, err := loadConfig(everyFlag(), environment(nil))
	if err != nil {
		t.Fatal(err)
	}
	want := running.Reloaded(next)
	taken, restart := serveSettings().Reload(&running, &next)
	if !reflect.DeepEqual(running, want) {
		t.Errorf("the table %+v\nthe server %+v", running, want)
	}
	if len(taken) == 0 || len(restart) == 0 {
		t.Errorf("taken %v, restart %v", taken, restart)
	}
}

// reloading is a reloader of a file, with what it did.
type reloading struct {
	*reloader
	file    string
	log     strings.Builder
	applied []server.Config
	fault   error // of apply
}

func newReloading(t *testing.T, text string, args ...string) *reloading {
	t.Helper()
	r := &reloading{file: file(t, text)}
	args = append(args, "--config", r.file)
	read := func() (server.Config, error) { return loadConfig(args, environment(nil)) }
	running, err := read()
	if err != nil {
		t.Fatal(err)
	}
	level := new(slog.LevelVar)
	r.reloader = &reloader{
		read: read, level: level, log: newLogger("text", level, &r.log), running: running,
		hungUp: func() bool { return false },
		apply: func(c server.Config) error {
			r.applied = append(r.applied, c)
			return r.fault
		},
	}
	return r
}

func (r *reloading) reloadWith(t *testing.T, text string) (log string) {
	t.Helper()
	if err := os.WriteFile(r.file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	r.log.Reset()
	r.reload()
	return r.log.String()
}

func TestReload(t *testing.T) {
	r := newReloading(t, "view-token: s3cret-old\nmax-viewers: 5\n", "--log-level", "info")
	log := r.reloadWith(t, "view-token: s3cret-new\nmax-viewers: 6\nhttp: 127.0.0.1:9\ngrace: 9s\n")
	if len(r.applied) != 1 || r.applied[0].ViewToken != "s3cret-new" || r.applied[0].MaxViewers != 6 {
		t.Fatalf("applied %+v", r.applied)
	}
	if r.applied[0].HTTP != server.DefaultConfig().HTTP || r.applied[0].Grace != server.DefaultConfig().Grace {
		t.Errorf("applied what needs a restart: %+v", r.applied[0])
	}
	for _, part := range []string{`needs a restart; the old value stays" setting=--http`, "setting=--grace", `changed="view-token max-viewers"`} {
		if !strings.Contains(log, part) {
			t.Errorf("%q is missing in %s", part, log)
		}
	}
	if strings.Contains(log, "s3cret") {
		t.Errorf("a token is logged: %s", log)
	}

	// A mistake, alone or together with what runs, changes nothing.
	for text, part := range map[string]string{
		"max-viewers: many\n":                     `:1: max-viewers: \"many\"`,
		"max-viewer: 7\n":                         "did you mean max-viewers?",
		"frame-ancestors: [none, a.example]\n":    "none stands alone",
		"view-token: x\nview-token-file: /no/x\n": "both are given",
	} {
		if log := r.reloadWith(t, text); len(r.applied) != 1 || !strings.Contains(log, part) || !strings.Contains(log, "not reloaded") {
			t.Errorf("%q: applied %d times, logged %s", text, len(r.applied), log)
		}
	}

	// What the server refuses is not in force, so that the next reload finds it again.
	r.fault = errors.New("no such certificate")
	if log := r.reloadWith(t, "max-viewers: 8\n"); !strings.Contains(log, "no such certificate") || r.running.MaxViewers != 6 {
		t.Errorf("max-viewers %d, logged %s", r.running.MaxViewers, log)
	}
	r.fault = nil
	if log := r.reloadWith(t, "max-viewers: 8\n"); !strings.Contains(log, `changed="view-token max-viewers"`) || r.running.MaxViewers != 8 {
		t.Errorf("max-viewers %d, logged %s", r.running.MaxViewers, log)
	}
}

func TestReloadChangesTheLogLevel(t *testing.T) {
	r := newReloading(t, "")
	r.reloadWith(t, "log-level: error\n")
	if r.level.Level() != slog.LevelError {
		t.Errorf("level %v", r.level.Level())
	}
	if log := r.reloadWith(t, "log-level: debug\n"); r.level.Level() != slog.LevelDebug || !strings.Contains(log, "reloaded") {
		t.Errorf("level %v, logged %s", r.level.Level(), log)
	}
}

// Whoever takes the token out of the file of a server that others reach does not open it.
func TestReloadNeverOpensPublishing(t *testing.T) {
	r := newReloading(t, "publish-token: hush\n", "--http", ":0")
	r.reloadWith(t, "")
	if len(r.applied) != 1 || r.applied[0].PublishToken != "hush" {
		t.Errorf("applied %+v", r.applied)
	}
}

func TestReloadSaysWhatOfTheRateNeedsARestart(t *testing.T) {
	r := newReloading(t, "")
	if log := r.reloadWith(t, "rate-limit: 0\n"); !strings.Contains(log, "changes at the next start only") || r.running.RateLimit != 0 {
		t.Errorf("rate-limit %d, logged %s", r.running.RateLimit, log)
	}
}

// SIGHUP is a wish to reload, but for whom the terminal has gone.
func TestHangup(t *testing.T) {
	r := newReloading(t, "")
	signals := make(chan os.Signal, 1)
	signals <- syscall.SIGHUP
	r.hungUp = func() bool { return true }
	if !r.run(t.Context(), signals) || len(r.applied) > 0 {
		t.Error("the program goes on without its terminal")
	}
}

// The terminal goes just after a reload was wanted, and both signals have become one.
func TestTerminalThatGoesDuringAReload(t *testing.T) {
	r := newReloading(t, "")
	looked := 0
	r.hungUp = func() bool { looked++; return looked > 1 }
	synctest.Test(t, func(t *testing.T) {
		signals := make(chan os.Signal, 1)
		signals <- syscall.SIGHUP
		if !r.run(t.Context(), signals) || looked != 2 || len(r.applied) != 1 {
			t.Errorf("looked %d times, %d reloads", looked, len(r.applied))
		}
	})
}
