// Package settings reads what an operator chooses, from one table for each command.
//
// A row of the [Table] is a [Setting]: its name is that of the flag, and the environment
// variable and the key of the YAML file follow from it. Everything that has to know all
// settings is made from the table: what flags, variables and file say ([Table.ParseFlags],
// [Table.ReadEnv], [Table.ReadFile]), the help text ([Table.PrintHelp]), the table of the docs
// ([Table.PrintMarkdown]), shell completions ([WriteCompletion]), the log record ([Table.LogValue]), a file that gives the same again ([Table.PrintYAML]), and what of it
// a running program can take on ([Table.Reload]).
//
//	defaults ◄─ presets ◄─ YAML file ◄─ environment ◄─ flags     each overrules the one before
//
// All faults are told at once, each by the name that the operator typed and, in a file,
// by its line. A secret is never part of what is shown, nor of an error.
//
// The package knows no setting of Porthole's; a T gathers the values.
package settings

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
)

// Setting is one thing that an operator can choose, for a command whose choices are
// gathered in a T.
type Setting[T any] struct {
	Name    string   // of the flag, in lower case with hyphens
	Arg     string   // what the value is, for the help text: "ADDR"; empty for a flag without value
	Default string   // for the help text; empty when there is none
	Help    string   // one or more lines; the first letter is a capital
	More    string   // Markdown for the table in the docs only: where more about it stands
	Group   string   // under which heading help shows it
	Choices []string // the values that there are, for completions; nil: any
	List    bool     // may be given several times
	Secret  bool     // nobody else may see it; see WithFiles
	Reload  bool     // a running program takes a new value on; the others need a restart
	Value   Value[T] // where the value goes, and how it is read

	instead string // the setting whose values this one reads from a file
}

// Value ties a setting to a field of T.
type Value[T any] struct {
	set  func(target *T, values []string) error
	text func(*T) []string     // as set reads it; nothing when there is no value
	same func(a, b *T) bool    // whether two have the same value
	copy func(target, from *T) // without a reading
}

// One is the value of a setting that takes one: parse reads it into the field that field
// points out, and leaves the field as it was on an error. What fmt makes of the field
// has to be text that parse takes.
func One[T, V any](field func(*T) *V, parse func(string) (V, error)) Value[T] {
	return OneText(field, parse, text[V])
}

// OneText is One for a field that fmt shows in another way than parse reads. An empty
// text stands for no value.
func OneText[T, V any](field func(*T) *V, parse func(string) (V, error), text func(V) string) Value[T] {
	v := valueOf(field)
	v.set = func(target *T, values []string) error {
		if len(values) != 1 {
			return fmt.Errorf("takes one value, not %d", len(values))
		}
		value, err := parse(values[0])
		if err != nil {
			return err
		}
		*field(target) = value
		return nil
	}
	v.text = func(target *T) []string {
		if shown := text(*field(target)); shown != "" {
			return []string{shown}
		}
		return nil
	}
	return v
}

// Many is the value of a setting that takes a list. A place that names the setting
// replaces the whole list of the place before it.
func Many[T, V any](field func(*T) *[]V, parse func(string) (V, error)) Value[T] {
	v := valueOf(field)
	v.set = func(target *T, values []string) error {
		var list []V
		var faults []error
		for _, text := range values {
			value, err := parse(text)
			if err != nil {
				faults = append(faults, err)
				continue
			}
			list = append(list, value)
		}
		*field(target) = list
		return errors.Join(faults...)
	}
	v.text = func(target *T) (texts []string) {
		for _, value := range *field(target) {
			texts = append(texts, text(value))
		}
		return texts
	}
	return v
}

// Do is the value of a flag that no field of T holds: read is called with it.
func Do[T any](read func(text string) error) Value[T] {
	return Value[T]{
		set:  func(_ *T, values []string) error { return read(strings.Join(values, " ")) },
		text: func(*T) []string { return nil },
		same: func(_, _ *T) bool { return true },
		copy: func(_, _ *T) {},
	}
}

func valueOf[T, V any](field func(*T) *V) Value[T] {
	return Value[T]{
		same: func(a, b *T) bool { return reflect.DeepEqual(*field(a), *field(b)) },
		copy: func(target, from *T) { *field(target) = *field(from) },
	}
}

// text shows a value as it is written in a configuration.
func text[V any](value V) string {
	if v := reflect.ValueOf(value); v.Kind() == reflect.Pointer && v.IsNil() {
		return ""
	}
	return fmt.Sprint(value)
}

// Table is the settings of one command, in the order in which help shows them.
type Table[T any] []Setting[T]

// Apply sets in target what one layer says, and returns every fault that it finds, each
// under the name that the operator typed.
func (t Table[T]) Apply(target *T, layer Layer) []error {
	faults := t.twice(layer)
	for _, s := range t {
		a, ok := layer[s.Name]
		if !ok {
			continue
		}
		if err := s.Value.set(target, a.Values); err != nil {
			for _, fault := range flatten(err) {
				faults = append(faults, fmt.Errorf("%s: %w", a.Origin, fault))
			}
		}
	}
	return faults
}

// Reload copies from next to running what a running program can take on, and returns
// the names of what it copied, and of what else is different and needs a restart.
func (t Table[T]) Reload(running, next *T) (taken, restart []string) {
	for _, s := range t {
		switch {
		case s.instead != "" || s.Value.same(running, next):
		case s.Reload:
			s.Value.copy(running, next)
			taken = append(taken, s.Name)
		default:
			restart = append(restart, s.Name)
		}
	}
	return taken, restart
}

// Names lists the settings.
func (t Table[T]) Names() []string {
	names := make([]string, len(t))
	for i, s := range t {
		names[i] = s.Name
	}
	return names
}

// flatten takes apart what errors.Join put together.
func flatten(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	return []error{err}
}
