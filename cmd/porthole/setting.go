package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// setting is one thing that an operator can choose, for a command whose
// choices are gathered in a T. Its name is the flag's; the environment variable
// and the key of the configuration file follow from it.
type setting[T any] struct {
	name    string
	arg     string // what the value is, for the help text: "ADDR"; empty for a flag without value
	shown   string // the default, for the help text; empty when there is none
	help    string
	list    bool   // may be given several times
	secret  bool   // nobody else may see it; see withFiles
	instead string // the setting whose values this one reads from a file
	set     func(target *T, values []string) error
}

// apply sets in target what one place says, and returns every fault that it
// finds, each under the name that the operator typed.
func apply[T any](target *T, settings []setting[T], layer map[string]assignment) []error {
	faults := twice(settings, layer)
	for _, s := range settings {
		a, ok := layer[s.name]
		if !ok {
			continue
		}
		if err := s.set(target, a.values); err != nil {
			for _, fault := range flatten(err) {
				faults = append(faults, fmt.Errorf("%s: %w", a.origin, fault))
			}
		}
	}
	return faults
}

// readFlags sets in target what the flags of a command say, for commands that
// are told nothing by file or environment. The error is flag.ErrHelp or a usageError.
func readFlags[T any](target *T, command string, settings []setting[T], args []string) error {
	flags, err := parseFlags(command, settings, args)
	if err != nil {
		return err
	}
	if err := errors.Join(apply(target, settings, flags)...); err != nil {
		return usageError{err}
	}
	return nil
}

// flatten takes apart what errors.Join put together.
func flatten(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	return []error{err}
}

// one makes the set function of a setting with a single value: parse reads it
// into the field that field points out, and leaves the field as it was on an error.
func one[T, V any](field func(*T) *V, parse func(string) (V, error)) func(*T, []string) error {
	return func(target *T, values []string) error {
		if len(values) != 1 {
			return fmt.Errorf("takes one value, not %d", len(values))
		}
		v, err := parse(values[0])
		if err != nil {
			return err
		}
		*field(target) = v
		return nil
	}
}

// many makes the set function of a setting with a list of values. A place that
// names the setting replaces the whole list of the place before it.
func many[T, V any](field func(*T) *[]V, parse func(string) (V, error)) func(*T, []string) error {
	return func(target *T, values []string) error {
		var list []V
		var faults []error
		for _, text := range values {
			v, err := parse(text)
			if err != nil {
				faults = append(faults, err)
				continue
			}
			list = append(list, v)
		}
		*field(target) = list
		return errors.Join(faults...)
	}
}

// printSettings writes the flags as a table for help texts.
func printSettings[T any](w io.Writer, settings []setting[T]) {
	const indent = "      "
	for _, s := range settings {
		fmt.Fprintf(w, "  --%s", s.name)
		if s.arg != "" {
			fmt.Fprintf(w, " %s", s.arg)
		}
		switch {
		case s.list:
			fmt.Fprint(w, "   (repeatable)")
		case s.shown != "":
			fmt.Fprintf(w, "   (default %s)", s.shown)
		}
		fmt.Fprintf(w, "\n%s%s\n", indent, strings.ReplaceAll(s.help, "\n", "\n"+indent))
	}
}

func parseText(text string) (string, error) { return text, nil }

func parseToggle(text string) (bool, error) {
	v, err := strconv.ParseBool(text)
	if err != nil {
		return false, fmt.Errorf("%q is neither true nor false", text)
	}
	return v, nil
}

// parseCount reads a whole number from least up.
func parseCount(least int) func(string) (int, error) {
	return func(text string) (int, error) {
		n, err := strconv.Atoi(text)
		if err != nil {
			return 0, fmt.Errorf("%q is not a whole number", text)
		}
		if n < least {
			return 0, fmt.Errorf("%d is too small, the least is %d", n, least)
		}
		return n, nil
	}
}

// parsePercent reads a share of all, from 0 to 100.
func parsePercent(text string) (int, error) {
	n, err := parseCount(0)(strings.TrimSuffix(text, "%"))
	if err == nil && n > 100 {
		return 0, fmt.Errorf("%d %% is more than there is", n)
	}
	return n, err
}

// parseDuration reads a duration with a unit that is not below least.
func parseDuration(least time.Duration) func(string) (time.Duration, error) {
	return func(text string) (time.Duration, error) {
		d, err := time.ParseDuration(text)
		if err != nil {
			return 0, fmt.Errorf("%q is not a duration such as 30s or 2m", text)
		}
		if d < least {
			return 0, fmt.Errorf("%v is too short, the least is %v", d, least)
		}
		return d, nil
	}
}

// parseListen reads HOST:PORT. An empty host means all interfaces, port 0 a
// free port.
func parseListen(text string) (string, error) {
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		return "", fmt.Errorf("%q is not HOST:PORT, such as 127.0.0.1:8080 or :8080", text)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return "", fmt.Errorf("%q: the port is not a number from 0 to 65535", text)
	}
	if strings.ContainsAny(host, " \t/") {
		return "", fmt.Errorf("%q: the host is not an address or a name", text)
	}
	return text, nil
}

// parseMediaListen reads HOST:PORT where the host is an IP address or empty:
// candidates hold addresses, not names.
func parseMediaListen(text string) (string, error) {
	if _, err := parseListen(text); err != nil {
		return "", err
	}
	host, _, _ := net.SplitHostPort(text)
	if _, err := netip.ParseAddr(host); host != "" && err != nil {
		return "", fmt.Errorf("%q: the host is not an IP address; leave it empty for all interfaces", text)
	}
	return text, nil
}

// parseToken reads a secret. What it is does not go into the error.
func parseToken(text string) (string, error) {
	for _, r := range text {
		if r <= ' ' || r > '~' {
			return "", errors.New("the token has a space or a letter outside ASCII; use letters, digits and -._~+/=")
		}
	}
	return text, nil
}

func parseLevel(text string) (slog.Level, error) {
	var level slog.Level
	switch strings.ToLower(text) {
	case "debug", "info", "warn", "error":
		return level, level.UnmarshalText([]byte(text))
	}
	return level, fmt.Errorf("%q is not one of debug, info, warn, error", text)
}

// oneOf reads one of the words.
func oneOf(words ...string) func(string) (string, error) {
	return func(text string) (string, error) {
		if slices.Contains(words, text) {
			return text, nil
		}
		return "", fmt.Errorf("%q is not one of %s", text, strings.Join(words, ", "))
	}
}
