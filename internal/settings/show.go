package settings

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"porthole/internal/secret"
	"regexp"
	"strings"
)

// PrintHelp writes the flags as a table for help texts, under the headings of their
// groups.
func (t Table[T]) PrintHelp(w io.Writer) {
	for i, group := range t.groups() {
		if group != "" {
			if i > 0 {
				fmt.Fprintln(w)
			}
			fmt.Fprintf(w, "%s:\n", group)
		}
		for _, s := range t {
			if s.Group == group {
				s.printHelp(w)
			}
		}
	}
}

func (s Setting[T]) printHelp(w io.Writer) {
	const indent = "      "
	fmt.Fprintf(w, "  --%s", s.Name)
	if s.Arg != "" {
		fmt.Fprintf(w, " %s", s.Arg)
	}
	switch {
	case s.List:
		fmt.Fprint(w, "   (repeatable)")
	case s.Default != "":
		fmt.Fprintf(w, "   (default %s)", s.Default)
	}
	if s.Reload {
		fmt.Fprint(w, "   (reloads)")
	}
	fmt.Fprintf(w, "\n%s%s\n", indent, strings.ReplaceAll(s.Help, "\n", "\n"+indent))
}

// groups lists the groups in the order in which they first appear.
func (t Table[T]) groups() (groups []string) {
	seen := make(map[string]bool)
	for _, s := range t {
		if !seen[s.Group] {
			groups = append(groups, s.Group)
		}
		seen[s.Group] = true
	}
	return groups
}

// LogValue shows the values for a log record. Of secrets it says only whether they are set.
func (t Table[T]) LogValue(values *T) slog.Value {
	var attrs []slog.Attr
	for _, s := range t {
		if s.instead != "" {
			continue
		}
		shown := strings.Join(s.Value.text(values), " ")
		if s.Secret {
			shown = secret.Text(s.secret(values)).String()
		}
		attrs = append(attrs, slog.String(strings.ReplaceAll(s.Name, "-", "_"), shown))
	}
	return slog.GroupValue(attrs...)
}

// secret is not empty when a value is set; it is not the value.
func (s Setting[T]) secret(values *T) string {
	if s.Value.same(values, new(T)) {
		return ""
	}
	return "hidden"
}

// PrintYAML writes a configuration file that gives the same values again, with where each
// of them comes from (see Origins). A secret is named by its file, or left to the reader:
// a comment says that it is set.
func (t Table[T]) PrintYAML(w io.Writer, values *T, origins Layer) error {
	for i, group := range t.groups() {
		if i > 0 {
			fmt.Fprintln(w)
		}
		if group != "" {
			fmt.Fprintf(w, "# %s\n", group)
		}
		for _, s := range t {
			if s.Group != group || s.instead != "" {
				continue
			}
			if err := s.printYAML(w, values, origins); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s Setting[T]) printYAML(w io.Writer, values *T, origins Layer) error {
	origin := cmp.Or(origins[s.Name].Origin, "default")
	texts := s.Value.text(values)
	key, empty := s.Name, len(texts) == 0
	if s.Secret {
		file, fromFile := origins[s.Name+fileSuffix]
		switch {
		case fromFile:
			key, origin = s.Name+fileSuffix, file.Origin
			return printEntry(w, key, origin, false, file.Values[0])
		case s.secret(values) != "":
			_, err := fmt.Fprintf(w, "# %s: is set and not shown # %s\n", key, origin)
			return err
		}
		empty = true
	}
	if empty && (s.Secret || !s.List) {
		_, err := fmt.Fprintf(w, "# %s: # %s\n", key, origin)
		return err
	}
	return printEntry(w, key, origin, s.List, texts...)
}

// printEntry writes KEY: VALUE # ORIGIN, or a list of values.
func printEntry(w io.Writer, key, origin string, list bool, values ...string) error {
	scalars := make([]string, len(values))
	for i, value := range values {
		if scalars[i] = value; !plain.MatchString(value) {
			scalars[i] = quote(value)
		}
	}
	text := strings.Join(scalars, ", ")
	if list {
		text = "[" + text + "]"
	}
	_, err := fmt.Fprintf(w, "%s: %s # %s\n", key, text, origin)
	return err
}

// plain is what means itself in YAML, also in a list in brackets.
var plain = regexp.MustCompile(`^[A-Za-z0-9/]([A-Za-z0-9/._:-]*[A-Za-z0-9/])?$`)

// quote writes a text between double quotes: a string of JSON is one of YAML.
func quote(text string) string {
	quoted, _ := json.Marshal(text) // a string can always be written
	return string(quoted)
}
