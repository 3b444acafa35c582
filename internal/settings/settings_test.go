package settings

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"porthole/internal/secret"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

type boat struct {
	Name  string
	Crew  []string
	Sails int
	Wait  time.Duration
	Motor bool
	Key   secret.Text
	Codes []string // secret as well
	Files []string // that were read
}

func table() Table[boat] {
	return Table[boat]{
		{Name: "name", Arg: "NAME", Help: "What it is called.", Default: "none", Value: One(func(b *boat) *string { return &b.Name }, Text)},
		{Name: "crew", Arg: "NAME", List: true, Help: "Who sails.\nAll of them.", Group: "People", Reload: true, Value: Many(func(b *boat) *[]string { return &b.Crew }, OneOf("ann", "bob", "cy"))},
		{Name: "sails", Arg: "N", Help: "How many.", Reload: true, Value: One(func(b *boat) *int { return &b.Sails }, Count(1))},
		{Name: "wait", Arg: "DURATION", Help: "How long.", Value: One(func(b *boat) *time.Duration { return &b.Wait }, Duration(time.Second))},
		{Name: "motor", Arg: "on|off", Choices: []string{"on", "off"}, Help: "It's there.", Value: Switch(func(b *boat) *bool { return &b.Motor })},
		{Name: "key", Arg: "KEY", Secret: true, Reload: true, Help: "What opens it.", Value: One(func(b *boat) *secret.Text { return &b.Key }, Token)},
		{Name: "code", Arg: "CODE", Secret: true, List: true, Help: "What else does.", Value: Many(func(b *boat) *[]string { return &b.Codes }, Text)},
	}.WithFiles(func(b *boat, flag, path string) { b.Files = append(b.Files, flag+" "+path) })
}

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "boat.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Every place, the later before the earlier, and what that comes to.
func TestLayers(t *testing.T) {
	tab := table()
	key := write(t, "hush\n")
	file, err := tab.ReadFile(write(t, "name: file\ncrew: [ann, bob]\nsails: 2\nmotor: \"on\"\nkey: filed\n"))
	if err != nil {
		t.Fatal(err)
	}
	env, faults := tab.ReadEnv("BOAT_", []string{"BOAT_CREW=bob  cy", "BOAT_KEY_FILE=" + key, "BOAT_SAILS=", "BOAT_SALES=3", "OTHER=x"})
	if len(faults) != 1 || faults[0].Error() != "BOAT_SALES: no setting has this variable (did you mean BOAT_SAILS?)" {
		t.Errorf("the environment has the faults %q", faults)
	}
	flags, err := tab.ParseFlags("boat sail", []string{"--name", "x", "--name=flag"})
	if err != nil {
		t.Fatal(err)
	}
	var got boat
	layers := Layers{nil, file, env, flags}
	for _, layer := range layers {
		if faults := tab.Apply(&got, layer); len(faults) > 0 {
			t.Fatal(faults)
		}
	}
	want := boat{Name: "flag", Crew: []string{"bob", "cy"}, Sails: 2, Motor: true, Key: "hush", Files: []string{"--key-file " + key}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	origins := tab.Origins(layers)
	if origins["crew"].Origin != "BOAT_CREW" || origins["name"].Origin != "--name" || origins["key-file"].Origin != "BOAT_KEY_FILE" {
		t.Errorf("origins %v", origins)
	}
	if _, ok := origins["key"]; ok {
		t.Error("the key of the file counts, which the environment overrules")
	}
	if a, ok := layers.Find("sails"); !ok || !slices.Equal(a.Values, []string{"2"}) {
		t.Errorf("got %v, %v", a, ok)
	}
	if _, ok := (Layers{{"crew": {}}}).Find("crew"); ok {
		t.Error("an empty list is a value")
	}
	if !tab.HoldsSecrets(file) || tab.HoldsSecrets(env) {
		t.Error("the file holds a secret, and the environment only names one")
	}
}

// A value that is printed is read again as it was, and shows no secret.
func TestPrintYAML(t *testing.T) {
	for _, name := range []string{"plain", "yes", "12", "a: b", "# no", "'", `"`, "-", "~", "[x]", "ümläut", "webcam=camera:", "line\nbreak"} {
		tab := table()
		want := boat{Name: name, Crew: []string{"cy"}, Sails: 3, Wait: time.Minute, Key: "s3cret", Codes: []string{"s3cret"}}
		var out bytes.Buffer
		if err := tab.PrintYAML(&out, &want, Layer{"sails": {Origin: "--sails"}}); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(out.String(), "s3cret") || !strings.Contains(out.String(), "sails: 3 # --sails\n") {
			t.Errorf("printed %s", &out)
		}
		layer, err := tab.ReadFile(write(t, out.String()))
		if err != nil {
			t.Fatalf("%v in\n%s", err, &out)
		}
		var got boat
		if faults := tab.Apply(&got, layer); len(faults) > 0 {
			t.Fatalf("%v in\n%s", faults, &out)
		}
		want.Key, want.Codes = "", nil
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, want %+v, of\n%s", got, want, &out)
		}
	}
}

func TestReload(t *testing.T) {
	tab := table()
	running := boat{Name: "a", Sails: 1, Crew: []string{"ann"}, Key: "old"}
	next := boat{Name: "b", Sails: 2, Crew: []string{"ann"}, Key: "new", Wait: time.Hour}
	taken, restart := tab.Reload(&running, &next)
	if !slices.Equal(taken, []string{"sails", "key"}) || !slices.Equal(restart, []string{"name", "wait"}) {
		t.Errorf("taken %v, restart %v", taken, restart)
	}
	if running.Sails != 2 || running.Key != "new" || running.Name != "a" || running.Wait != 0 {
		t.Errorf("got %+v", running)
	}
}

func TestFaultsAreNamed(t *testing.T) {
	tab := table()
	t.Chdir(t.TempDir())
	for _, tt := range []struct{ yaml, want string }{
		{"nam: x\n", "b.yaml:1: nam: unknown key (did you mean name?)"},
		{"\nsails: few\n", `b.yaml:2: sails: "few" is not a whole number`},
		{"sails: 0\n", "b.yaml:1: sails: 0 is too small, the least is 1"},
		{"name: [a]\n", "b.yaml:1: name: takes a single value"},
		{"name: a\nname: b\n", "b.yaml:2: name: is set twice"},
		{"crew:\n  - a=b:\n", "b.yaml:1: crew: line 2 is not a single value"},
		{"crew: [dan, eve]\n", "b.yaml:1: crew: \"dan\" is not one of ann, bob, cy\nb.yaml:1: crew: \"eve\""},
		{"- name\n", "b.yaml:1: not a list of settings"},
		{"wait: 5\nmotor: maybe\n", "b.yaml:1: wait: \"5\" is not a duration such as 30s or 2m\nb.yaml:2: motor: \"maybe\" is neither on nor off"},
		{"key: s3cret with spaces\n", "b.yaml:1: key: the token has a space"},
		{"key: a\nkey-file: b\n", "b.yaml:1: key and b.yaml:2: key-file: both are given"},
	} {
		if err := os.WriteFile("b.yaml", []byte(tt.yaml), 0o600); err != nil {
			t.Fatal(err)
		}
		layer, err := tab.ReadFile("b.yaml")
		var b boat
		err = errors.Join(append([]error{err}, tab.Apply(&b, layer)...)...)
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%q: got %v, want %s", tt.yaml, err, tt.want)
		}
	}
	var b boat
	if err := tab.ReadFlags(&b, "boat sail", []string{"--help"}); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("got %v", err)
	}
	if err := tab.ReadFlags(&b, "boat sail", []string{"--sail", "1"}); err == nil || err.Error() != "unknown flag --sail (did you mean --sails?); see `boat sail --help`" {
		t.Errorf("got %v", err)
	}
}

func TestSecretsHide(t *testing.T) {
	b := boat{Key: "s3cret"}
	encoded, err := json.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	tab := table()
	for _, shown := range []string{fmt.Sprintf("%v %+v %#v %s %q", b, b, b, b.Key, b.Key), string(encoded), tab.LogValue(&b).String()} {
		if strings.Contains(shown, "s3cret") || !strings.Contains(shown, "set") {
			t.Errorf("shown as %s", shown)
		}
	}
	if shown := tab.LogValue(&boat{}).String(); !strings.Contains(shown, "key=none") {
		t.Errorf("shown as %s", shown)
	}
}

func TestMarkdown(t *testing.T) {
	var out strings.Builder
	Table[boat]{
		{Name: "sail", Arg: "a|b", Default: "10.0.0.1:80", Help: "With --crew (eth* or n=1:), not\nslow: `a b`. None: *.", Reload: true},
		{Name: "crew", List: true, Help: "Who sails.", More: "[Why](x.md).", Group: "People"},
	}.PrintMarkdown(&out, 3)
	const head = "| flag | default | reloads | meaning |\n|---|---|---|---|\n"
	want := head + "| `--sail a\\|b` | `10.0.0.1:80` | yes | With `--crew` (`eth*` or `n=1:`), not slow: `a b`. None: `*`. |\n\n" +
		"### People\n\n" + head + "| `--crew` |  |  | Who sails. Repeatable. [Why](x.md). |\n\n"
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}

func TestHelp(t *testing.T) {
	var out bytes.Buffer
	table().PrintHelp(&out)
	for _, part := range []string{"  --name NAME   (default none)\n      What it is called.\n", "\nPeople:\n  --crew NAME   (repeatable)   (reloads)\n      Who sails.\n      All of them.\n", "--key-file FILE"} {
		if !strings.Contains(out.String(), part) {
			t.Errorf("%q is missing in\n%s", part, &out)
		}
	}
}
