package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The servers that can be measured.
const (
	serverLimit    = "limit"
	serverPorthole = "porthole"
	serverBaseline = "baseline"
	// serverFeedback is Porthole, whose viewers tell it when which packet came.
	serverFeedback = "feedback"
)

func isPorthole(server string) bool { return server == serverPorthole || server == serverFeedback }

// config is what the command line chooses.
type config struct {
	viewers []int
	servers []string
	window  time.Duration // of one measurement of processor time
	windows int           // measurements of each row
	spread  time.Duration // of a picture's packets by the publisher
	starts  bool          // measure the time to the first keyframe
	binary  string        // Porthole; empty: build it
	json    bool
	profile string // file for a processor profile of Porthole; empty: none
}

const usage = `bench measures what a viewer costs, and how soon one sees a picture: of Porthole, of a
server made of plain pion, and of encrypting and sending alone. It needs Linux and about
four minutes. docs/PERFORMANCE.md explains the result.

`

// parse reads the command line. The error is flag.ErrHelp after it has printed
// the help, or says what is wrong.
func parse(args []string, stderr io.Writer) (config, error) {
	c := config{servers: []string{serverLimit, serverPorthole, serverBaseline}}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.Func("viewers", "how many viewers, one row for each `NUMBERS` (default 1,50,300)", func(text string) (err error) {
		c.viewers, err = parseViewers(text)
		return err
	})
	flags.Func("servers", "what to measure, of limit,porthole,feedback,baseline as `NAMES` (default\n"+
		"limit,porthole,baseline); feedback is porthole with viewers that tell it what came", func(text string) (err error) {
		c.servers, err = parseServers(text)
		return err
	})
	flags.DurationVar(&c.window, "window", 3*time.Second, "how long one measurement of processor time takes")
	flags.IntVar(&c.windows, "windows", 3, "measurements of each row; their median is shown, and their spread")
	flags.DurationVar(&c.spread, "spread", 0, "let the publisher spread the packets of a picture over this time, as browsers do, and\n"+
		"count the frame delay from the last one; the raw limit has no publisher")
	flags.BoolVar(&c.starts, "starts", true, "measure the time to the first keyframe")
	flags.StringVar(&c.binary, "porthole", "", "the porthole `FILE` to measure, built with CGO_ENABLED=0 (default: built from ./cmd/porthole)")
	flags.BoolVar(&c.json, "json", false, "print the result as JSON")
	flags.StringVar(&c.profile, "profile", "", "save a processor profile of Porthole with 50 viewers (or --viewers) in `FILE`,\n"+
		"those of the heap in FILE.base (before) and FILE.heap (after), that of goroutines in\n"+
		"FILE.goroutine, and measure nothing else")
	err := flags.Parse(args)
	if len(c.viewers) == 0 {
		c.viewers = []int{1, 50, 300}
		if c.profile != "" {
			c.viewers = []int{50}
		}
	}
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stderr, usage)
		flags.SetOutput(stderr)
		flags.PrintDefaults()
		return c, flag.ErrHelp
	case err != nil:
		return c, err
	case flags.NArg() > 0:
		return c, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case c.window < 100*time.Millisecond || c.window > time.Minute:
		return c, fmt.Errorf("--window %v: not from 100ms to 1m", c.window)
	case c.spread < 0 || c.spread > 30*time.Millisecond:
		return c, fmt.Errorf("--spread %v: not from 0 to 30ms", c.spread)
	case c.windows < 1 || c.windows > 100:
		return c, fmt.Errorf("--windows %d: not from 1 to 100", c.windows)
	}
	return c, nil
}

func parseViewers(text string) ([]int, error) {
	var viewers []int
	for part := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(part))
		if err != nil || n < 1 || n > 10_000 {
			return nil, fmt.Errorf("%q is not a number of viewers", part)
		}
		viewers = append(viewers, n)
	}
	return viewers, nil
}

func parseServers(text string) ([]string, error) {
	known := []string{serverLimit, serverPorthole, serverFeedback, serverBaseline}
	servers := strings.Split(text, ",")
	for _, s := range servers {
		if !slices.Contains(known, s) {
			return nil, fmt.Errorf("%q is none of %s", s, strings.Join(known, ", "))
		}
	}
	return servers, nil
}
