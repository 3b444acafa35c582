package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
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
