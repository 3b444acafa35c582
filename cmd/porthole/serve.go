package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"sync"

	"porthole/internal/auth"
	"porthole/internal/secret"
	"porthole/internal/server"
)

// serveCommand runs the server until ctx ends.
func serveCommand(ctx context.Context, t terminal) error {
	var printConfig bool
	loaded, err := loadConfigFor("serve", t.args, t.environ, printConfigSetting(&printConfig))
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(t.stdout, "porthole serve shows the camera, and what WHIP publishers send, to any number of viewers.\n\n")
		printServeFlags(t.stdout)
		return err
	} else if err != nil {
		return err
	}
	if printConfig {
		return serveSettings().PrintYAML(t.stdout, &loaded.Config, loaded.origins)
	}
	cfg := loaded.Config
	generated := cfg.BeyondLoopback() && cfg.PublishToken == ""
	if generated {
		cfg.PublishToken = secret.Text(auth.Generate())
	}

	defer outliveReaders()()
	records := newLogQueue(cfg, t.stderr)
	defer records.Close(flushWithin)
	level := new(slog.LevelVar)
	level.Set(cfg.LogLevel)
	log := newLogger(cfg.LogFormat, level, records)
	log.Debug("configuration", "config", serveSettings().LogValue(&cfg))
	cfg.Log, cfg.Version = log, version()
	hungUp := watchTerminal()
	signals, stop := reloadSignals() // before anybody can be told of the process
	defer stop()
	s, err := server.New(ctx, cfg)
	if err != nil {
		return err
	}
	s.Metrics().MustRegister(newDropCounter(records))
	announce(cfg, s)
	hello := welcome{t.stdout, isTerminal(t.stdout), cfg, s.Addr(), generated}
	return runReloading(ctx, s, hello, signals, &reloader{
		read: func() (server.Config, error) {
			again, err := loadConfigFor("serve", t.args, t.environ, printConfigSetting(new(bool)))
			return again.Config, err
		},
		apply: s.Apply, level: level, log: log, hungUp: hungUp, running: cfg,
	})
}

// runReloading runs the server until ctx ends, or the terminal is gone, and returns when
// all has ended.
func runReloading(ctx context.Context, s *server.Server, hello welcome, signals <-chan os.Signal, r *reloader) error {
	ctx, cancel := context.WithCancel(ctx)
	var reloading sync.WaitGroup
	reloading.Go(func() { hello.tell(ctx, s) })
	reloading.Go(func() {
		if r.run(ctx, signals) {
			cancel()
		}
	})
	defer reloading.Wait()
	defer cancel()
	return s.Run(ctx)
}
