// Command bench measures what a viewer costs, and how soon one sees a picture.
//
//	go run ./internal/bench            the table of docs/PERFORMANCE.md, in about four minutes
//	go run ./internal/bench --help     what can be chosen
//
// In one run, on one machine and with the same traffic, it measures
//
//   - the raw limit: a process that encrypts every packet for every viewer and
//     sends each picture with one system call, and does nothing else;
//   - Porthole, the real binary;
//   - a baseline: a WHIP and WHEP server made of plain pion, as most are.
//
// Numbers of different runs compare badly, because machines and their
// neighbours differ; the ratios within one run are what counts.
//
//	bench ─┬─ server under test: limit │ porthole │ baseline    CPU, RSS, goroutines, allocations
//	       ├─ publish: a WHIP client with synthetic video
//	       └─ watch: package load, many WHEP sessions           packets, loss, time to the first keyframe
//
// Every part is a process of its own, so that the server's processor time is
// nobody else's: bench runs itself in a hidden mode for each. All traffic stays
// on loopback.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
)

func main() { os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr)) }

// run returns the exit code: 0, 1 when measuring failed, 2 for a wrong command line.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	// Never undone: a child that ends by itself, its standard input being closed, must
	// not be killed by the signal that comes at the same time.
	ctx, _ = signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM) //nolint:govet // the process ends
	if len(args) > 0 {
		if mode := modes()[args[0]]; mode != nil {
			return runMode(ctx, mode, args[1:], stdout, stderr)
		}
	}
	cfg, err := parse(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		fmt.Fprintln(stderr, "bench:", err)
		return 2
	}
	if err := measure(ctx, cfg, stdout, stderr); err != nil {
		fmt.Fprintln(stderr, "bench:", err)
		return 1
	}
	return 0
}

// child is what a hidden mode gets. Its log is read by the parent.
type child struct {
	args   []string
	stdout io.Writer
	log    *slog.Logger
}

// mode runs until ctx ends.
type mode func(ctx context.Context, c child) error

// modes are the processes that bench starts itself as. They are no interface:
// only bench calls them.
func modes() map[string]mode {
	return map[string]mode{
		serverLimit:    limitMode,
		"discard":      discardMode,
		serverBaseline: baselineMode,
		serverProfiled: profiledMode,
		"publish":      publishMode,
		"watch":        watchMode,
	}
}

// runMode ends a mode when the parent closes its standard input, which the
// kernel does for a parent that is killed.
func runMode(ctx context.Context, m mode, args []string, stdout, stderr io.Writer) int {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { // ends with the process: a read of standard input cannot be called off
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	log := slog.New(slog.NewJSONHandler(stderr, nil))
	if err := m(ctx, child{args: args, stdout: stdout, log: log}); err != nil {
		log.Error("failed", "error", err.Error())
		return 1
	}
	return 0
}
