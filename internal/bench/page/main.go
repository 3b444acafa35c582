// Command page measures how long it takes from the address of a watch page to the first
// picture, and what is loaded for it.
//
//	go run ./internal/bench/page --old OLD --new NEW      two builds, in turns, in one run
//
// It starts each build with the test picture, puts a proxy in front of its HTTP that holds
// back what goes either way, and opens the watch page in Chromium: with an empty cache
// ("cold"), and again in the same browser ("warm"). Media goes past the proxy. Nothing
// leaves the machine.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"porthole/internal/bench/process"
)

func main() { os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr)) }

// run returns the exit code: 0, 1 when measuring failed, 2 for a wrong command line.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	cfg, err := parse(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		fmt.Fprintln(stderr, "bench-page:", err)
		return 2
	}
	if err := measure(ctx, cfg, stdout); err != nil {
		fmt.Fprintln(stderr, "bench-page:", err)
		return 1
	}
	return 0
}

// build is one program that is measured.
type build struct{ name, path string }

type config struct {
	builds []build
	delays []time.Duration // of a request and its answer together
	rounds int
}

func parse(args []string, stderr io.Writer) (config, error) {
	var cfg config
	fs := flag.NewFlagSet("bench-page", flag.ContinueOnError)
	fs.SetOutput(stderr)
	before := fs.String("old", "", "`BINARY` to compare with; none: only the new one is measured")
	after := fs.String("new", "bin/porthole", "`BINARY` to measure")
	delays := fs.String("delays", "0,50,100,150", "`MS,MS` that HTTP takes longer, a request and its answer together")
	fs.IntVar(&cfg.rounds, "rounds", 5, "how often each is measured; the median counts")
	if err := fs.Parse(args); err != nil {
		return config{}, err
	}
	for text := range strings.SplitSeq(*delays, ",") {
		ms, err := strconv.Atoi(text)
		if err != nil || ms < 0 {
			return config{}, fmt.Errorf("--delays: %q is not a number of milliseconds", text)
		}
		cfg.delays = append(cfg.delays, time.Duration(ms)*time.Millisecond)
	}
	if cfg.rounds < 1 {
		return config{}, errors.New("--rounds: at least one")
	}
	if *before != "" {
		cfg.builds = append(cfg.builds, build{"old", *before})
	}
	cfg.builds = append(cfg.builds, build{"new", *after})
	return cfg, nil
}

// measure prints a table: a row for each build, delay and state of the cache.
func measure(ctx context.Context, cfg config, stdout io.Writer) error {
	table := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "build\tadded latency\tcache\tfirst picture (median, lowest, highest)\trequests\ton the wire")
	for _, delay := range cfg.delays {
		visits := make(map[string][]visit) // by build and cache
		for range cfg.rounds {
			for _, b := range cfg.builds {
				cold, warm, err := watchTwice(ctx, b, delay)
				if err != nil {
					return fmt.Errorf("%s: %w", b.name, err)
				}
				visits[b.name+"\tcold"] = append(visits[b.name+"\tcold"], cold)
				visits[b.name+"\twarm"] = append(visits[b.name+"\twarm"], warm)
			}
		}
		for _, b := range cfg.builds {
			for _, cache := range []string{"cold", "warm"} {
				fmt.Fprintln(table, row(b.name, cache, delay, visits[b.name+"\t"+cache]))
			}
		}
	}
	return table.Flush()
}

func row(name, cache string, delay time.Duration, visits []visit) string {
	slices.SortFunc(visits, func(a, b visit) int { return cmp.Compare(a.picture, b.picture) })
	middle := visits[len(visits)/2]
	return fmt.Sprintf("%s\t%d ms\t%s\t%.0f ms (%.0f, %.0f)\t%d\t%.1f KB", name, delay.Milliseconds(), cache,
		middle.picture, visits[0].picture, visits[len(visits)-1].picture, middle.requests, float64(middle.bytes)/1000)
}

// watchTwice starts a build and visits its watch page with an empty cache, and again.
func watchTwice(ctx context.Context, b build, delay time.Duration) (cold, warm visit, err error) {
	server, err := process.Start(b.name, b.path, "--http", "127.0.0.1:0", "--media", ":0", "--turn-listen", "off",
		"--source", "webcam=pattern:?size=640x360", "--log-format", "json")
	if err != nil {
		return visit{}, visit{}, err
	}
	defer func() { err = errors.Join(err, server.Stop()) }()
	var listening struct{ HTTP string }
	if err := server.Await(ctx, "listening", &listening); err != nil {
		return visit{}, visit{}, server.Failure(err)
	}
	proxy, err := startProxy(ctx, listening.HTTP, delay/2)
	if err != nil {
		return visit{}, visit{}, err
	}
	defer proxy.close()
	return visitTwice(ctx, "http://"+proxy.address()+"/watch/webcam")
}
