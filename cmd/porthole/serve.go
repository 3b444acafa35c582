package main

import (
	"context"
	"errors"
	"flag"
	"fmt"

	"porthole/internal/auth"
	"porthole/internal/secret"
	"porthole/internal/server"
)

// serveCommand runs the server until ctx ends.
func serveCommand(ctx context.Context, t terminal) error {
	var printConfig bool
	loaded, err := loadConfigFor("serve", t.args, t.getenv, printConfigSetting(&printConfig))
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
	log := newLogger(cfg, records)
	log.Debug("configuration", "config", serveSettings().LogValue(&cfg))
	cfg.Log, cfg.Version = log, version()
	s, err := server.New(ctx, cfg)
	if err != nil {
		return err
	}
	s.Metrics().MustRegister(newDropCounter(records))
	if generated {
		fmt.Fprintf(t.stdout, "Porthole: publishers need the token %s (made for this run; --publish-token sets your own)\n", string(cfg.PublishToken))
	}
	announce(t.stdout, cfg, s)
	return s.Run(ctx)
}
