// Command network measures what a viewer sees over bad networks.
//
//	make bench-network                                the tables of docs/ADAPTATION.md
//	go run ./internal/bench/network --help            what can be chosen
//
// In network namespaces of this machine (package netlab), it puts Porthole, the real binary, at one end of a cable and
// Chromium at the other; on the cable there is a bottleneck, a loss, a long way. It reads what was shown from the page (the
// pictures, the browser's statistics, the clock in the test picture), what was sent from the server's API, and what was
// lost from the bottleneck's counters.
//
//	porthole ──[delay]──[bottleneck]──► Chromium
//
// It needs root, and the programs ip, tc, nft, chromium and ffmpeg. Nothing leaves the machine.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"porthole/internal/netlab"
)

func main() { os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr)) }

// run returns the exit code: 0, 1 when measuring failed, 2 for a wrong command line. A target that was missed is no
// failure: it is told.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	cfg, err := parse(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		fmt.Fprintln(stderr, "bench-network:", err)
		return 2
	}
	if err := measure(ctx, cfg, stdout, stderr); err != nil {
		fmt.Fprintln(stderr, "bench-network:", err)
		return 1
	}
	return 0
}

// config is what the command line says.
type config struct {
	rows   []row
	repeat int
	binary string
	json   bool
	from   string // a file of runs to print, in the place of measuring
}

func parse(args []string, stderr io.Writer) (config, error) {
	var cfg config
	var names string
	var length int
	flags := flag.NewFlagSet("bench-network", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&names, "row", "", "`names` of the paths to measure, with commas between them; all when empty:"+list())
	flags.IntVar(&length, "seconds", 0, "measure each phase for so many `seconds`; 0: as the table says")
	flags.IntVar(&cfg.repeat, "repeat", 1, "measure each path so many `times`")
	flags.StringVar(&cfg.binary, "binary", "", "the porthole to measure, a `file`; built when empty")
	flags.BoolVar(&cfg.json, "json", false, "print all that was measured as JSON, an array of runs")
	flags.StringVar(&cfg.from, "from", "", "measure nothing, print the tables of a `file` that --json made")
	if err := flags.Parse(args); err != nil {
		return config{}, err
	}
	if flags.NArg() > 0 {
		return config{}, fmt.Errorf("%q is no flag", flags.Arg(0))
	}
	if length < 0 || length > 600 || cfg.repeat < 1 || cfg.repeat > 100 {
		return config{}, errors.New("--seconds is 600 at most, --repeat 1 to 100")
	}
	var err error
	cfg.rows, err = choose(names, length)
	return cfg, err
}

func list() string {
	var text strings.Builder
	for _, r := range rows {
		fmt.Fprintf(&text, "\n%-6s %s", r.name, r.title)
	}
	return text.String()
}

// choose returns the rows of these names, all for "". A length replaces that of each phase.
func choose(names string, length int) (chosen []row, err error) {
	wanted := make(map[string]bool)
	for name := range strings.SplitSeq(names, ",") {
		wanted[name] = name != ""
	}
	for _, r := range rows {
		if names != "" && !wanted[r.name] {
			continue
		}
		delete(wanted, r.name)
		if length > 0 {
			phases := make([]phase, len(r.phases))
			for i, p := range r.phases {
				phases[i] = phase{p.bits, length}
			}
			r.phases = phases
		}
		chosen = append(chosen, r)
	}
	for name, real := range wanted {
		if real {
			return nil, fmt.Errorf("there is no path %q; there are:%s", name, list())
		}
	}
	return chosen, nil
}

// printAgain writes the tables of runs that were measured before.
func printAgain(cfg config, stdout io.Writer) error {
	text, err := os.ReadFile(cfg.from)
	if err != nil {
		return err
	}
	var all []result
	if err := json.Unmarshal(text, &all); err != nil {
		return fmt.Errorf("read %s: %w", cfg.from, err)
	}
	results := make(map[string][]result)
	for _, res := range all {
		results[res.Row] = append(results[res.Row], res)
	}
	for _, r := range cfg.rows {
		for i := range results[r.name] {
			results[r.name][i].judge(r.targets)
		}
	}
	writeTable(stdout, cfg.rows, results)
	return nil
}

// measure measures all paths, one after the other.
func measure(ctx context.Context, cfg config, stdout, stderr io.Writer) error {
	if cfg.from != "" {
		return printAgain(cfg, stdout)
	}
	if os.Geteuid() != 0 {
		return netlab.ErrRoot
	}
	if cfg.binary == "" {
		dir, err := os.MkdirTemp("", program+"-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		if cfg.binary, err = build(ctx, dir); err != nil {
			return err
		}
	}
	var all []result
	var failed []error
	results := make(map[string][]result)
	for i := range cfg.repeat {
		for _, r := range cfg.rows {
			if ctx.Err() != nil {
				break
			}
			fmt.Fprintf(stderr, "%s, run %d of %d\n", r.title, i+1, cfg.repeat)
			res, err := measureRow(ctx, cfg.binary, r)
			if err != nil {
				failed = append(failed, fmt.Errorf("%s: %w", r.title, err))
				fmt.Fprintln(stderr, err)
				continue // the others are worth while
			}
			all = append(all, res)
			results[r.name] = append(results[r.name], res)
		}
	}
	if cfg.json {
		encoder := json.NewEncoder(stdout)
		encoder.SetIndent("", "  ")
		failed = append(failed, encoder.Encode(all))
	} else {
		writeTable(stdout, cfg.rows, results)
	}
	return errors.Join(failed...)
}

func build(ctx context.Context, dir string) (string, error) {
	path := filepath.Join(dir, "porthole")
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", path, "porthole/cmd/porthole").CombinedOutput(); err != nil {
		return "", fmt.Errorf("build porthole: %w\n%s", err, out)
	}
	return path, nil
}
