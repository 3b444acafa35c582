package static

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strings"

	"porthole/internal/bundle"
)

// pageModules are each a page's one module.
func pageModules() []string {
	return []string{"pages/embed.js", "pages/home.js", "pages/publish.js", "pages/unknown.js", "pages/wall.js", "pages/watch.js"}
}

// inlineScripts are part of the pages themselves, with the stylesheet: they are needed
// before anything else could be loaded.
func inlineScripts() []string { return []string{"pages/begin.js", "pages/recover.js"} }

// stylesheet is that of all pages.
const stylesheet = "pages/style.css"

// player is the module that other sites load: one file, at an address that stays.
const player = "whep-video.js"

// icon is that of the pages, and what browsers ask for that show something else.
const icon = "pages/icon.svg"

// builtDir is where the addresses with hashes are. It lies as deep as the sources, whose
// modules find the server from where they are.
const builtDir = "built/"

// built is what the sources were made into.
type built struct {
	assets  map[string]file // by their paths below /static/
	renamed map[string]string
	inline  map[string][]byte // scripts and styles that go into pages, by their paths in the sources
}

// build bundles, hashes and compresses. An error means that the sources are wrong.
func build(sources fs.FS) (built, error) {
	b := built{assets: make(map[string]file), renamed: make(map[string]string), inline: make(map[string][]byte)}
	modules, err := bundle.Build(bundle.Config{Files: sources, Entries: append(pageModules(), stylesheet)})
	if err != nil {
		return built{}, fmt.Errorf("bundle the pages: %w", err)
	}
	for _, name := range pageModules() {
		b.add(name, modules[name])
	}
	b.inline[stylesheet] = modules[stylesheet]
	scripts, err := bundle.Build(bundle.Config{Files: sources, Entries: inlineScripts(), Format: bundle.Script})
	if err != nil {
		return built{}, fmt.Errorf("bundle the pages' scripts: %w", err)
	}
	for _, name := range inlineScripts() {
		b.inline[name] = scripts[name]
	}
	// One level up from the sources' rooms.
	whole, err := bundle.Build(bundle.Config{Files: sources, Entries: []string{player}, Replace: map[string]string{
		"lib/root.js": "export const root = new URL('..', import.meta.url);",
	}})
	if err != nil {
		return built{}, fmt.Errorf("bundle the player: %w", err)
	}
	b.assets[player] = newFile(player, whole[player]).compressed()
	return b, b.addPictures(sources)
}

// add gives what a source was made into an address with its hash.
func (b built) add(source string, body []byte) {
	f := newFile(path.Base(source), body).compressed()
	f.caching = forEver
	ext := path.Ext(f.name)
	name := builtDir + strings.TrimSuffix(f.name, ext) + "." + f.hash + ext
	b.assets[name] = f
	b.renamed[source] = name
}

func (b built) addPictures(sources fs.FS) error {
	for _, name := range []string{icon, "pages/touch.png"} {
		body, err := fs.ReadFile(sources, name)
		if err != nil {
			return err
		}
		b.add(name, body)
	}
	return nil
}

// What a page's HTML refers to, as it stands in the sources.
var (
	scriptTag = regexp.MustCompile(`<script type="module" src="(?:\.\./)?static/([^"]+)"></script>`)
	styleTag  = regexp.MustCompile(`<link rel="stylesheet" href="(?:\.\./)?static/([^"]+)">`)
	reference = regexp.MustCompile(`((?:src|href)="(?:\.\./)?static/)([^"]+)"`)
)

// page is the HTML of one page, and the hashes of what is inline in it, for its policy
// (Content Security Policy Level 3, section 2.3.1).
type page struct {
	file
	scripts, styles []string
}

// finish puts into a page what is inline, and the addresses of the rest.
func (b built) finish(name string, source []byte) page {
	var p page
	text := scriptTag.ReplaceAllStringFunc(string(source), func(tag string) string {
		body, ok := b.inline[scriptTag.FindStringSubmatch(tag)[1]]
		if !ok {
			return tag
		}
		p.scripts = append(p.scripts, sourceHash(body))
		return "<script>" + string(body) + "</script>"
	})
	text = styleTag.ReplaceAllStringFunc(text, func(tag string) string {
		body := b.inline[styleTag.FindStringSubmatch(tag)[1]]
		p.styles = append(p.styles, sourceHash(body))
		return "<style>" + string(body) + "</style>"
	})
	text = reference.ReplaceAllStringFunc(text, func(found string) string {
		parts := reference.FindStringSubmatch(found)
		if renamed, ok := b.renamed[parts[2]]; ok {
			return parts[1] + renamed + `"`
		}
		return found
	})
	p.file = newFile(name, []byte(indentation.ReplaceAllString(text, "\n"))).compressed()
	return p
}

// indentation is what only whoever reads the sources needs.
var indentation = regexp.MustCompile(`\n\s+`)

func sourceHash(body []byte) string {
	sum := sha256.Sum256(body)
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}
