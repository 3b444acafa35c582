package bundle_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"porthole/internal/bundle"
)

var files = fstest.MapFS{
	"pages/a.js":    {Data: []byte("import { say } from '../lib/say.js';\nimport { root } from '../lib/root.js';\nexport const said = say('一', root); // why\n")},
	"lib/say.js":    {Data: []byte("export function say(text, more) { return `${text}!${more}`; }\nexport function unused() { return 'nobody asks'; }\n")},
	"lib/root.js":   {Data: []byte("export const root = 'here';\n")},
	"pages/a.css":   {Data: []byte("/* why */\na { color: #ffffff; }\n")},
	"pages/bad.js":  {Data: []byte("import '../lib/none.js';\n")},
	"pages/bad2.js": {Data: []byte("const ;\n")},
}

func TestBuild(t *testing.T) {
	made, err := bundle.Build(bundle.Config{Files: files, Entries: []string{"pages/a.js", "pages/a.css"}})
	if err != nil {
		t.Fatal(err)
	}
	script, style := string(made["pages/a.js"]), string(made["pages/a.css"])
	if len(made) != 2 || strings.Contains(script, "import") || !strings.Contains(script, "export{") || !strings.Contains(script, "一") {
		t.Errorf("a module became %q", script)
	}
	if strings.Contains(script, "nobody") || strings.Contains(script, "why") || strings.Contains(style, "why") {
		t.Errorf("what nobody needs is left: %q, %q", script, style)
	}
	if strings.TrimSpace(style) != "a{color:#fff}" {
		t.Errorf("a stylesheet became %q", style)
	}
}

func TestScriptAndReplacement(t *testing.T) {
	made, err := bundle.Build(bundle.Config{
		Files: files, Entries: []string{"pages/a.js"}, Format: bundle.Script,
		Replace: map[string]string{"lib/root.js": "export const root = 'there';"},
	})
	if err != nil {
		t.Fatal(err)
	}
	script := string(made["pages/a.js"])
	if strings.Contains(script, "export") || !strings.Contains(script, "there") || strings.Contains(script, "here'") {
		t.Errorf("a script became %q", script)
	}
}

func TestFaultsAreNamed(t *testing.T) {
	for entry, want := range map[string]string{"pages/bad.js": "lib/none.js", "pages/bad2.js": "pages/bad2.js:1"} {
		if _, err := bundle.Build(bundle.Config{Files: files, Entries: []string{entry}}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q in it", entry, err, want)
		}
	}
}
