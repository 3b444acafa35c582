package settings

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
)

// rawFlag collects what a flag was given as text. It is judged later, together
// with what other places say, so that all faults are told at once.
type rawFlag struct {
	values []string
	toggle bool // needs no value: --json
	list   bool
}

func (r *rawFlag) String() string   { return strings.Join(r.values, " ") }
func (r *rawFlag) IsBoolFlag() bool { return r.toggle }
func (r *rawFlag) Set(text string) error {
	if !r.list {
		r.values = nil // the last one counts
	}
	r.values = append(r.values, text)
	return nil
}

// ParseFlags reads args, which may hold nothing but flags of the table. command is how
// the operator calls what they belong to: "porthole load". The error is flag.ErrHelp when
// help was asked for; every other one is in our own words, because package flag writes
// "-http" where "--http" was typed.
func (t Table[T]) ParseFlags(command string, args []string) (Layer, error) {
	fs := flag.NewFlagSet(command, flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.Usage = func() {}
	raw := make(map[string]*rawFlag, len(t))
	for _, s := range t {
		raw[s.Name] = &rawFlag{toggle: s.Arg == "", list: s.List}
		fs.Var(raw[s.Name], s.Name, s.Help)
	}

	err := fs.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return nil, err
	case err != nil:
		// Parse takes an argument off the list before it looks at it, so the
		// one that it refused stands just before what is left.
		return nil, flagFault(fs, args[len(args)-fs.NArg()-1], err)
	case fs.NArg() > 0:
		return nil, fmt.Errorf("unexpected argument %q; see `%s --help`", fs.Arg(0), command)
	}

	given := make(Layer)
	fs.Visit(func(f *flag.Flag) {
		given[f.Name] = Assignment{Values: raw[f.Name].values, Origin: "--" + f.Name}
	})
	return given, nil
}

// ReadFlags sets in target what the flags of a command say, for commands that are told
// nothing by file or environment. Errors are as those of ParseFlags, and every fault of
// the values, joined.
func (t Table[T]) ReadFlags(target *T, command string, args []string) error {
	flags, err := t.ParseFlags(command, args)
	if err != nil {
		return err
	}
	return errors.Join(t.Apply(target, flags)...)
}

// flagFault words the error that package flag made of arg.
func flagFault(fs *flag.FlagSet, arg string, err error) error {
	name, _, _ := strings.Cut(strings.TrimLeft(arg, "-"), "=")
	switch {
	case name == "":
		return fmt.Errorf("%w; see `%s --help`", err, fs.Name())
	case fs.Lookup(name) != nil:
		return fmt.Errorf("--%s needs a value; see `%s --help`", name, fs.Name())
	}
	var names []string
	fs.VisitAll(func(f *flag.Flag) { names = append(names, f.Name) })
	return fmt.Errorf("unknown flag --%s%s; see `%s --help`", name, suggestion("--", name, names), fs.Name())
}

// suggestion returns ` (did you mean "…"?)` for the name nearest to what was
// typed, or nothing when none is near.
func suggestion(prefix, typed string, names []string) string {
	best, distance := "", 3
	for _, name := range names {
		if d := editDistance(typed, name); d < distance && d < len(name) {
			best, distance = name, d
		}
	}
	if best == "" {
		return ""
	}
	return " (did you mean " + prefix + best + "?)"
}

// editDistance is the number of letters to insert, remove or replace that
// makes b of a.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
