package doctor

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Colours of the verdicts (ECMA-48 SGR).
const (
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	red    = "\x1b[31m"
	dim    = "\x1b[2m"
	plain  = "\x1b[0m"
)

func (v Verdict) colour() string {
	switch v {
	case OK:
		return green
	case Warn:
		return yellow
	default:
		return red
	}
}

// WriteTable prints the report for people: a line for each finding and, below those
// that have one, the cure. The error is w's.
func (r Report) WriteTable(w io.Writer, colours bool) error {
	paint := func(colour, text string) string {
		if !colours {
			return text
		}
		return colour + text + plain
	}
	width := 0
	for _, f := range r.Checks {
		width = max(width, utf8.RuneCountInString(f.Name))
	}
	var b strings.Builder
	group := ""
	for _, f := range r.Checks {
		if f.Group != group && group != "" {
			b.WriteString("\n")
		}
		group = f.Group
		fmt.Fprintf(&b, "%s  %-*s  %s\n", paint(f.Verdict.colour(), fmt.Sprintf("%-4s", f.Verdict)), width, f.Name, f.Found)
		if f.Cure != "" {
			fmt.Fprintf(&b, "%*s%s\n", width+8, "", paint(dim, "→ "+f.Cure))
		}
	}
	counts := make(map[Verdict]int)
	for _, f := range r.Checks {
		counts[f.Verdict]++
	}
	fmt.Fprintf(&b, "\n%s in %.1f s: %d ok, %d to look at, %d that will not work\n",
		paint(r.Verdict.colour(), r.Verdict.String()), r.Seconds, counts[OK], counts[Warn], counts[Fail])
	_, err := io.WriteString(w, b.String())
	if err != nil {
		return fmt.Errorf("print the report: %w", err)
	}
	return nil
}
