package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"porthole/internal/server"
)

// reloader reads the configuration again at SIGHUP, and has the server take on what can
// change while it runs.
type reloader struct {
	read   func() (server.Config, error)
	apply  func(server.Config) error
	level  *slog.LevelVar
	log    *slog.Logger
	hungUp func() bool // whether the terminal that the program was started in is gone

	running server.Config // in force; owned by run
}

// run reloads at each signal until ctx ends. It returns true, at once, when a signal
// says that the terminal is gone: that is the end of a program that nobody sent to the
// background, and of its camera.
//
// Signals that come at the same time are one, and the terminal may be gone only after
// somebody wanted a reload. So it is looked at once more when a reload is over.
func (r *reloader) run(ctx context.Context, signals <-chan os.Signal) (hungUp bool) {
	var again <-chan time.Time
	for {
		select {
		case <-signals:
			if r.hungUp() {
				return true
			}
			r.reload()
			again = time.After(lookAgain)
		case <-again:
			if r.hungUp() {
				return true
			}
		case <-ctx.Done():
			return false
		}
	}
}

// lookAgain is how long after a reload the terminal is looked at once more.
const lookAgain = 2 * time.Second

// reload does it once. A configuration with a mistake changes nothing.
func (r *reloader) reload() {
	next, err := r.read()
	if err != nil {
		r.log.Error("not reloaded: the new configuration is wrong; the running one stays", "error", err)
		return
	}
	if next.PublishToken == "" && r.running.BeyondLoopback() {
		next.PublishToken = r.running.PublishToken // made for this run, or safer than none
	}
	cfg := r.running
	taken, restart := serveSettings().Reload(&cfg, &next)
	cfg.SecretFiles = next.SecretFiles
	if err := cfg.Validate(); err != nil {
		r.log.Error("not reloaded: the changed settings conflict with some that need a restart", "error", err)
		return
	}
	if err := r.apply(cfg); err != nil {
		r.log.Error("not reloaded", "error", err)
		return
	}
	if (cfg.RateLimit == 0) != (r.running.RateLimit == 0) {
		r.log.Warn("--rate-limit: how fast requests are read changes at the next start only")
	}
	r.running = cfg
	r.level.Set(cfg.LogLevel)
	for _, name := range restart {
		r.log.Warn("a changed setting needs a restart; the old value stays", "setting", "--"+name)
	}
	r.log.Info("reloaded", "changed", strings.Join(taken, " "))
}

// reloadSignals returns the signals to reload at, until stop is called.
func reloadSignals() (signals <-chan os.Signal, stop func()) {
	asked := make(chan os.Signal, 1) // one reload is as good as two
	signal.Notify(asked, syscall.SIGHUP)
	return asked, func() { signal.Stop(asked) }
}

// watchTerminal returns whether the terminal that this process has now, if any, is gone
// and took the program with it, were it not for reloads: that of nohup stays.
func watchTerminal() (hungUp func() bool) {
	if signal.Ignored(syscall.SIGHUP) {
		return func() bool { return false }
	}
	has := func() bool {
		f, err := os.Open("/dev/tty")
		if err == nil {
			f.Close()
		}
		return err == nil
	}
	had := has()
	return func() bool { return had && !has() }
}
