package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"porthole/internal/server"
	"porthole/internal/settings"
)

//go:generate go test -count 1 -run TestSettingsPageIsFresh . -write-docs

var writeDocs = flag.Bool("write-docs", false, "write the table of docs/SETTINGS.md instead of comparing it")

// settingsPage is the page whose tables are made of the table of settings, between these
// two lines.
const (
	settingsPage = "../../docs/SETTINGS.md"
	madeBegin    = "<!-- Made by `go generate ./cmd/porthole` of the table in cmd/porthole/config.go, up to the line that says so. -->\n"
	madeEnd      = "<!-- End of what is made. -->\n"
)

func TestSettingsPageIsFresh(t *testing.T) {
	page, err := os.ReadFile(settingsPage)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, begins := bytes.Cut(page, []byte(madeBegin))
	_, after, ends := bytes.Cut(rest, []byte(madeEnd))
	if !begins || !ends {
		t.Fatalf("%s lacks a line %q or %q", settingsPage, madeBegin, madeEnd)
	}
	var made bytes.Buffer
	fmt.Fprintf(&made, "%s%s\n", before, madeBegin)
	append(settings.Table[server.Config]{configSetting(), printConfigSetting(new(bool))}, serveSettings()...).PrintMarkdown(&made, 3)
	fmt.Fprintf(&made, "%s%s", madeEnd, after)
	if bytes.Equal(made.Bytes(), page) {
		return
	}
	if *writeDocs {
		if err := os.WriteFile(settingsPage, made.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	have := strings.Split(string(page), "\n")
	for line := range strings.SplitSeq(made.String(), "\n") {
		if !slices.Contains(have, line) {
			t.Errorf("missing: %s", line)
		}
	}
	t.Error("docs/SETTINGS.md is not what the table of settings says; run `go generate ./cmd/porthole`")
}

// pages of documentation, from the top of the module.
func documentation(t *testing.T) map[string]string {
	t.Helper()
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	texts := make(map[string]string)
	for _, page := range append(pages, "../../README.md", "../../ARCHITECTURE.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		texts[filepath.Clean(page)] = string(text)
	}
	return texts
}

// Links between pages lead somewhere, headings included, as GitHub makes anchors of them.
func TestLinksLeadSomewhere(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)\s#]*)(?:#([^)\s]*))?\)`)
	heading := regexp.MustCompile(`(?m)^#+ (.*)$`)
	mark := regexp.MustCompile(`[^\p{L}\p{N}_ -]`)
	pages := documentation(t)
	for page, text := range pages {
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			target := page
			if m[1] != "" {
				target = filepath.Join(filepath.Dir(page), m[1])
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s: %v", page, err)
				continue
			}
			var anchors []string
			for _, h := range heading.FindAllStringSubmatch(pages[target], -1) {
				anchors = append(anchors, strings.ReplaceAll(mark.ReplaceAllString(strings.ToLower(h[1]), ""), " ", "-"))
			}
			if m[2] != "" && !slices.Contains(anchors, m[2]) {
				t.Errorf("%s: %s has no heading for #%s", page, target, m[2])
			}
		}
	}
}

// Commands that readers copy have no flag that the program does not know.
func TestCommandsInDocsAreRight(t *testing.T) {
	command := regexp.MustCompile(`(?m)(?:bin/|^|ExecStart=.*/)porthole ((?:--|doctor|load|devices)[^\n#]*)`)
	flags := regexp.MustCompile(`--([a-z-]+)`)
	known := map[string]bool{"json": true, "config": true, "print-config": true}
	for _, s := range serveSettings() {
		known[s.Name] = true
	}
	for _, s := range loadSettings() {
		known[s.Name] = true
	}
	commands := 0
	for page, text := range documentation(t) {
		text = strings.ReplaceAll(text, "\\\n", " ")
		for _, m := range command.FindAllStringSubmatch(text, -1) {
			commands++
			for _, f := range flags.FindAllStringSubmatch(m[1], -1) {
				if !known[f[1]] {
					t.Errorf("%s: `porthole %s` has the flag --%s, which there is not", page, m[1], f[1])
				}
			}
		}
	}
	if commands < 10 {
		t.Errorf("%d commands were found, want more: they are written in another way", commands)
	}
}
