package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"porthole/internal/load"
	"porthole/internal/secret"
	"porthole/internal/settings"
)

type loadCommandConfig struct {
	load.Config
	Token secret.Text
	JSON  bool
}

func loadSettings() settings.Table[loadCommandConfig] {
	type config = loadCommandConfig
	return settings.Table[config]{
		{
			Name: "whep", Arg: "URL",
			Help:  "The WHEP endpoint to watch, of any server: http://127.0.0.1:8080/whep/webcam. Required.",
			Value: settings.One(func(c *config) *string { return &c.URL }, settings.Text),
		},
		{
			Name: "viewers", Arg: "N", Default: "10",
			Help:  "How many sessions to open.",
			Value: settings.One(func(c *config) *int { return &c.Viewers }, settings.Count(1)),
		},
		{
			Name: "for", Arg: "DURATION", Default: load.DefaultDuration.String(),
			Help:  "How long to watch, counted from the opening of the last session.",
			Value: settings.One(func(c *config) *time.Duration { return &c.Duration }, settings.Duration(100*time.Millisecond)),
		},
		{
			Name: "ramp", Arg: "DURATION", Default: fmt.Sprintf("%d sessions a second", load.DefaultPace),
			Help:  "The time over which the sessions are opened, evenly.",
			Value: settings.One(func(c *config) *time.Duration { return &c.Ramp }, settings.Duration(time.Nanosecond)),
		},
		{
			Name: "token", Arg: "TOKEN", Secret: true,
			Help:  "The bearer token that the server asks of viewers.",
			Value: settings.One(func(c *config) *secret.Text { return &c.Token }, settings.Token),
		},
		{
			Name: "fps", Arg: "RATE", Default: "what the timestamps of the stream tell",
			Help:  "The frame rate that counts as full.",
			Value: settings.One(func(c *config) *float64 { return &c.FrameRate }, parseRate),
		},
		{
			Name: "tcp", Help: "Media over ICE-TCP in place of UDP.",
			Value: settings.One(func(c *config) *bool { return &c.TCP }, settings.Toggle),
		},
		{
			Name: "pli", Help: "Ask for a keyframe when media begins, as browsers do.",
			Value: settings.One(func(c *config) *bool { return &c.Keyframe }, settings.Toggle),
		},
		{
			Name: "feedback", Help: "Tell the server when which packet came, as browsers do (transport-wide feedback).",
			Value: settings.One(func(c *config) *bool { return &c.Feedback }, settings.Toggle),
		},
		{
			Name: "json", Help: "Print the report as JSON.",
			Value: settings.One(func(c *config) *bool { return &c.JSON }, settings.Toggle),
		},
	}.WithFiles(nil)
}

func parseRate(text string) (float64, error) {
	rate, err := strconv.ParseFloat(text, 64)
	if err != nil || !(rate > 0 && rate <= 1000) { // written so that NaN fails too
		return 0, fmt.Errorf("%q is not a frame rate from 0 to 1000 a second", text)
	}
	return rate, nil
}

// loadCommand watches a WHEP URL with many viewers and prints a report. It fails
// when no session got media.
func loadCommand(ctx context.Context, t terminal) error {
	c := loadCommandConfig{Config: load.Config{Viewers: 10}}
	err := usage(loadSettings().ReadFlags(&c, "porthole load", t.args))
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(t.stdout, "porthole load opens WHEP sessions as browsers do, and reports what they get. Ctrl-C ends\nit early, with the report so far.\n\n")
		loadSettings().PrintHelp(t.stdout)
		return err
	}
	if err == nil {
		err = checkWHEP(c.URL)
	}
	if err != nil {
		return err
	}
	c.Config.Token = string(c.Token)
	if isTerminal(t.stderr) {
		c.Progress = func(p load.Progress) { printProgress(t.stderr, p) }
	}

	report, err := load.Run(ctx, c.Config)
	if c.Progress != nil {
		fmt.Fprint(t.stderr, "\r\x1b[K")
	}
	switch {
	case errors.Is(err, load.ErrURL):
		return usagef("--whep: %w", err)
	case err != nil:
		return fmt.Errorf("load: %w", err)
	}
	if err := printReport(t.stdout, report, c.JSON); err != nil {
		return fmt.Errorf("print the report: %w", err)
	}
	if report.Media == 0 {
		return errReported
	}
	return nil
}

// isTerminal says whether a person is likely to look at what is written to w.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// checkWHEP refuses what cannot be a WHEP URL: none, and the address of a page, from which it can be told.
func checkWHEP(text string) error {
	if text == "" {
		return usagef("--whep is missing; see `porthole load --help`")
	}
	u, err := url.Parse(text)
	if err != nil {
		return nil // package load says what is wrong
	}
	for _, page := range []string{"watch", "embed", "publish", "whip"} {
		if before, name, ok := strings.Cut(u.Path, "/"+page+"/"); ok {
			u.Path, u.RawQuery, u.Fragment = before+"/whep/"+name, "", ""
			return usagef("--whep %s is no WHEP URL; use --whep %s", text, u)
		}
	}
	return nil
}

// printProgress overwrites one line.
func printProgress(w io.Writer, p load.Progress) {
	fmt.Fprintf(w, "\r\x1b[K%v of %v: %d opened, %d connected, %d with media, %d failed, %d MB received",
		p.Elapsed.Round(time.Second), p.Total.Round(time.Second), p.Opened, p.Connected, p.Media, p.Failed, p.Bytes/1e6)
}

func printReport(w io.Writer, r *load.Report, asJSON bool) error {
	if asJSON {
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		return encoder.Encode(r)
	}
	fmt.Fprintf(w, "%s, %d viewers, %.1f s\n\n", r.URL, r.Viewers, r.Seconds)
	fmt.Fprintf(w, "opened %d, answered %d, connected %d, with media %d, with a whole keyframe %d, at full rate %d\n",
		r.Opened, r.Answered, r.Connected, r.Media, r.Keyframe, r.FullRate)
	for _, f := range r.Failures {
		fmt.Fprintf(w, "  %d failed: %s\n", f.Sessions, f.Reason)
	}

	if r.Answered > 0 {
		if err := printTable(w, r); err != nil {
			return err
		}
	}
	fmt.Fprintf(w, "\n%d packets, %d lost; %.1f Mbit/s in all; %.2f processors for measuring", r.Packets, r.Lost, r.TotalBitRate/1e6, r.Generator.CPUCores)
	if r.Generator.Dropped > 0 {
		fmt.Fprintf(w, "; %d packets were lost by this machine, which was too busy to take them", r.Generator.Dropped)
	}
	_, err := fmt.Fprintf(w, "\n%s\n", r.Verdict.Text)
	return err
}

// printTable shows how the sessions' figures are distributed.
func printTable(w io.Writer, r *load.Report) error {
	fmt.Fprintln(w)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(table, "\tmin\tp50\tp95\tp99\tmax\t\n")
	row := func(name string, d load.Distribution, scale float64) {
		if d.Count == 0 {
			return
		}
		fmt.Fprintf(table, "%s", name)
		for _, v := range []float64{d.Min, d.P50, d.P95, d.P99, d.Max} {
			fmt.Fprintf(table, "\t%.1f", v*scale)
		}
		fmt.Fprint(table, "\t\n")
	}
	row("answer (ms)", r.Answer, 1)
	row("ICE connected (ms)", r.ICE, 1)
	row("DTLS connected (ms)", r.DTLS, 1)
	row("first packet (ms)", r.FirstPacket, 1)
	row("first whole keyframe (ms)", r.FirstKeyframe, 1)
	row("frames a second", r.FrameRate, 1)
	row("kbit/s", r.BitRate, 1e-3)
	row("loss (%)", r.LossPercent, 1)
	row("longest pause (ms)", r.Pause, 1)
	row("frame delay (ms)", r.FrameDelay, 1)
	err := table.Flush()
	switch {
	case err != nil:
		return err
	case r.FrameDelayDoubt != "":
		_, err = fmt.Fprintf(w, "\nNo frame delay: %s.\n", r.FrameDelayDoubt)
	case r.FrameDelay.Count > 0:
		_, err = fmt.Fprintln(w, "\nFrame delay: from capture to the arrival of the whole picture.")
	}
	return err
}
