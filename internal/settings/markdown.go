package settings

import (
	"fmt"
	"io"
	"regexp"
	"strings"
)

// PrintMarkdown writes the settings as tables of Markdown, one under a heading for each
// group, from the same rows as the help text. level is that of the headings.
func (t Table[T]) PrintMarkdown(w io.Writer, level int) {
	for _, group := range t.groups() {
		if group != "" {
			fmt.Fprintf(w, "%s %s\n\n", strings.Repeat("#", level), group)
		}
		fmt.Fprint(w, "| flag | default | reloads | meaning |\n|---|---|---|---|\n")
		for _, s := range t {
			if s.Group == group {
				s.printMarkdown(w)
			}
		}
		fmt.Fprintln(w)
	}
}

func (s Setting[T]) printMarkdown(w io.Writer) {
	flag := "--" + s.Name
	if s.Arg != "" {
		flag += " " + s.Arg
	}
	meaning := inMarkdown(strings.ReplaceAll(s.Help, "\n", " "))
	if s.List {
		meaning += " Repeatable."
	}
	if s.More != "" {
		meaning += " " + s.More
	}
	reloads := ""
	if s.Reload {
		reloads = "yes"
	}
	fmt.Fprintf(w, "| `%s` | %s | %s | %s |\n", inCell(flag), inCell(inMarkdown(s.Default)), reloads, inCell(meaning))
}

// literal is a word of a help text that a reader types as it is: a flag, an address, a
// URL, a pattern.
var literal = regexp.MustCompile(`^--[a-z]|[*=%!]|^[a-z]*:[A-Za-z0-9/]|^/[a-z]|^[A-Z]*:[A-Z]*$|^[0-9]+[.][0-9]+[.]|:[0-9]+$`)

// inMarkdown sets in the type of code what is meant literally.
func inMarkdown(help string) string {
	words := strings.Split(help, " ")
	quoted := false
	for i, word := range words {
		if quotes := strings.Count(word, "`"); quoted || quotes > 0 {
			quoted = quoted != (quotes%2 == 1)
			continue
		}
		bare := strings.TrimRight(strings.TrimLeft(word, "("), ".,;)")
		if !strings.Contains(bare, "=") && bare != ":" {
			bare = strings.TrimSuffix(bare, ":")
		}
		if literal.MatchString(bare) {
			words[i] = strings.Replace(word, bare, "`"+bare+"`", 1)
		}
	}
	return strings.Join(words, " ")
}

// inCell keeps a text from ending its cell of a table.
func inCell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }
