package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// writeTable writes Markdown: a row for each path, median and spread of its runs.
func writeTable(w io.Writer, rows []row, results map[string][]result) {
	fmt.Fprintln(w, "| path | pictures/s | frozen | longest pause | delay p50, p95 | sent | again | lost in the queue | rungs | sound made up | reconnects |")
	fmt.Fprintln(w, "|---|---|---|---|---|---|---|---|---|---|---|")
	for _, r := range rows {
		runs := results[r.name]
		if len(runs) == 0 {
			continue
		}
		get := func(format string, of func(result) float64) string { return middle(format, runs, of) }
		delay := "–"
		if slices.ContainsFunc(runs, func(r result) bool { return r.DelayP95 > 0 }) {
			delay = get("%.0f", func(r result) float64 { return r.DelayP50 }) + ", " + get("%.0f ms", func(r result) float64 { return r.DelayP95 })
		}
		fmt.Fprintf(w, "| %s | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s |\n", r.title,
			get("%.1f", func(r result) float64 { return r.Rate }),
			get("%.1f s", func(r result) float64 { return r.Frozen }),
			get("%.2f s", func(r result) float64 { return r.LongestPause }), delay,
			get("%.0f", func(r result) float64 { return float64(r.Sent) }),
			get("%.0f", func(r result) float64 { return float64(r.Resent) }),
			get("%.0f", func(r result) float64 { return float64(r.LinkDropped) }),
			rungs(runs[len(runs)-1].Rungs),
			get("%.2f s", func(r result) float64 { return r.Concealed }),
			get("%.0f", func(r result) float64 { return float64(r.Reconnects) }))
	}
	fmt.Fprintln(w)
	fmt.Fprintln(w, "| path | targets, and whether they were met |")
	fmt.Fprintln(w, "|---|---|")
	for _, r := range rows {
		if runs := results[r.name]; len(runs) > 0 {
			fmt.Fprintf(w, "| %s | %s |\n", r.title, strings.Join(verdicts(r.targets, runs), "; "))
		}
	}
	writeNotes(w, rows, results)
}

// writeNotes says what does not fit into a table.
func writeNotes(w io.Writer, rows []row, results map[string][]result) {
	fmt.Fprintln(w)
	for _, r := range rows {
		for _, run := range results[r.name] {
			note := fmt.Sprintf("- %s: %.1f Mbit/s passed the bottleneck", r.title, run.LinkRate/mbit)
			if h := run.House; h != nil {
				note += fmt.Sprintf("; Jain's index %.2f of pictures, %.2f of bits; longest pause of any %.2f s; one stalled: the others kept %.0f %% or more of their pictures, longest pause %.2f s",
					h.Jain, h.Bits, h.Worst, 100*h.Kept, h.WorstAfter)
			} else if len(r.phases) > 1 {
				note += fmt.Sprintf("; a lower rung after %.1f s, the top one again after %.1f s (-1: not at all)", run.Down, run.Up)
			}
			if len(run.Faults) > 0 {
				note += fmt.Sprintf("; %q", run.Faults)
			}
			if len(run.Words) > 0 {
				note += fmt.Sprintf("; the page said %q", run.Words[len(run.Words)-1])
			}
			if len(run.States) > 0 {
				note += "; the player was " + strings.Join(run.States, ", ")
			}
			if run.Waited >= 0 {
				note += fmt.Sprintf("; programs waited for a processor %.0f %% of the time", 100*run.Waited)
			}
			fmt.Fprintln(w, note)
		}
	}
}

// verdicts says of each target in how many runs it was met.
func verdicts(targets []target, runs []result) (texts []string) {
	for i, t := range targets {
		met := 0
		for _, run := range runs {
			if run.Verdicts[i].Met {
				met++
			}
		}
		texts = append(texts, t.text+": "+verdictText(met, len(runs)))
	}
	return texts
}

func verdictText(met, runs int) string {
	switch {
	case runs == 1 && met == 1:
		return "yes"
	case runs == 1:
		return "**no**"
	case met == runs:
		return fmt.Sprintf("yes, %d of %d", met, runs)
	default:
		return fmt.Sprintf("**no**, %d of %d", met, runs)
	}
}

// middle is the median of the runs' values, and their spread when there are several.
func middle(format string, runs []result, of func(result) float64) string {
	var values []float64
	for _, r := range runs {
		values = append(values, of(r))
	}
	slices.Sort(values)
	text := fmt.Sprintf(format, values[len(values)/2])
	if len(values) > 1 {
		text += fmt.Sprintf(" ("+format+"–"+format+")", values[0], values[len(values)-1])
	}
	return text
}

// rungs tells the heights over time, the first few changes of them.
func rungs(list []rung) string {
	const shown = 8
	var parts []string
	for i, r := range list {
		switch {
		case i == 0:
			parts = append(parts, fmt.Sprintf("%dp", r.Height))
		case i < shown:
			parts = append(parts, fmt.Sprintf("%.0f s: %dp", r.At, r.Height))
		case i == shown:
			parts = append(parts, fmt.Sprintf("and %d more", len(list)-shown))
		}
	}
	return strings.Join(parts, ", ")
}
