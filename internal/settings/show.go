package settings

import (
	"cmp"
	"fmt"
	"io"
	"log/slog"
	"porthole/internal/secret"
	"strings"

	"go.yaml.in/yaml/v3"
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
	content := &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
	for _, value := range values {
		content.Content = append(content.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: value})
	}
	if !list {
		content = content.Content[0]
	}
	content.LineComment = "# " + origin
	text, err := yaml.Marshal(&yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{
		{Kind: yaml.ScalarNode, Value: key}, content,
	}})
	if err != nil {
		return fmt.Errorf("print %s: %w", key, err)
	}
	_, err = w.Write(text)
	return err
}
