package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"time"
)

// outcome is everything that a run finds out.
type outcome struct {
	Date       string   `json:"date"`
	Go         string   `json:"go"`
	System     string   `json:"system"`
	Processors int      `json:"processors"`
	Traffic    traffic  `json:"traffic"`
	Rows       []row    `json:"rows"`
	Starts     []firsts `json:"starts"`
}

// traffic is what the publisher sends and every viewer gets.
type traffic struct {
	FrameRate  float64 `json:"frames_per_second"`
	PacketRate float64 `json:"packets_per_second"`
	BitRate    float64 `json:"payload_bits_per_second"`
}

// measure runs everything that the configuration asks for, and prints it.
// Progress goes to stderr, the result to stdout.
func measure(ctx context.Context, cfg config, stdout, stderr io.Writer) error {
	dir, err := os.MkdirTemp("", "porthole-bench-")
	if err != nil {
		return fmt.Errorf("make a directory for the binary: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }() // it is in the system's temporary directory
	say := func(format string, args ...any) { fmt.Fprintf(stderr, format+"\n", args...) }
	p, err := findPrograms(ctx, cfg, dir)
	if err != nil {
		return err
	}
	if cfg.profile != "" {
		return p.profile(ctx, cfg, stdout)
	}
	o := newOutcome()
	if o.Rows, err = p.measureCosts(ctx, cfg, say); err != nil {
		return err
	}
	if cfg.starts {
		if o.Starts, err = p.measureStarts(ctx, cfg, say); err != nil {
			return err
		}
	}
	if cfg.json {
		encoder := json.NewEncoder(stdout)
		encoder.SetIndent("", "  ")
		return encoder.Encode(o)
	}
	return o.print(stdout)
}

func newOutcome() outcome {
	v := newVideo(usualGOP)
	return outcome{
		Date: time.Now().UTC().Format(time.DateTime), Go: runtime.Version(),
		System: runtime.GOOS + "/" + runtime.GOARCH, Processors: runtime.NumCPU(),
		Traffic: traffic{FrameRate: frameRate, PacketRate: v.packetRate(), BitRate: v.bitRate()},
	}
}

// measureCosts takes all servers with one number of viewers before the next
// number, so that what changes on the machine in between hits all of them alike.
func (p programs) measureCosts(ctx context.Context, cfg config, say func(string, ...any)) ([]row, error) {
	var rows []row
	for _, viewers := range cfg.viewers {
		limit := 0.0
		for _, server := range cfg.servers {
			say("%s with %d viewers", server, viewers)
			r, err := p.measureCost(ctx, cfg, server, viewers)
			if err != nil {
				return nil, fmt.Errorf("%s with %d viewers: %w", server, viewers, err)
			}
			if server == serverLimit {
				limit = r.CPU.Median
			}
			if limit > 0 {
				r.Limits = r.CPU.Median / limit
			}
			rows = append(rows, r)
		}
	}
	return rows, nil
}

func (p programs) measureStarts(ctx context.Context, cfg config, say func(string, ...any)) ([]firsts, error) {
	var starts []firsts
	publishers := make([]string, 0, 2)
	for publisher := range feeds() {
		publishers = append(publishers, publisher)
	}
	slices.Sort(publishers)
	for _, publisher := range publishers {
		for _, server := range cfg.servers {
			if server == serverLimit || server == serverFeedback {
				continue
			}
			say("first keyframes of %s, publisher: %s", server, publisher)
			r, err := p.measureStart(ctx, server, publisher)
			if err != nil {
				return nil, fmt.Errorf("first keyframes of %s: %w", server, err)
			}
			starts = append(starts, r)
		}
	}
	return starts, nil
}
