// Package static holds what a browser loads from Porthole: the pages, one
// stylesheet and the ES modules behind them, with the <whep-video> player among
// them, all embedded in the binary.
//
// A [Site] serves the assets below /static/ and the pages themselves, from memory. A page
// loads one module, which package bundle makes of all that it imports, at an address with
// its hash that a browser keeps for ever; the stylesheet, and what has to run before
// anything is loaded, are in the page itself. All of it is made once in a process, when
// it is first asked for. The sources are served too, and run as they are: with
// [FromDir], pages refer to them, and a reload of the page shows what was edited.
//
// whep-video.js is the address that other sites load the player from; what it consists of is in player. pages has the
// pages, with their scripts and their stylesheet, lib what both need, text the words in both languages.
//
// The package knows no streams and no tokens: the pages fetch /api/…, /whip/… and
// /whep/… themselves. Every reference in them is relative, so that they work below
// the path prefix of a reverse proxy too.
package static

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path"
	"strings"
	"sync"

	"porthole/internal/cors"
)

// prefix is the path that the assets are served below; the pages refer to it.
const prefix = "/static/"

//go:embed *.js player lib text pages
var embedded embed.FS

// Site is what a browser loads from one server. Its methods may be called from any
// goroutine.
type Site struct {
	asset func(name string) (file, bool)
	page  func(name string) page
}

// Embedded returns the site that is in the program, bundled. The first of the requests to
// it makes it.
func Embedded() *Site {
	return &Site{
		asset: func(name string) (file, bool) { f, ok := embeddedSite().assets[name]; return f, ok },
		page:  func(name string) page { return embeddedSite().pages[name] },
	}
}

// made is a site that was bundled.
type made struct {
	assets map[string]file
	pages  map[string]page
	err    error // why it was not: then pages load the sources
}

var embeddedSite = sync.OnceValue(func() made { return bundled(embedded) }) //nolint:gochecknoglobals // once in a process, whatever servers there are

// Make makes the embedded site now, some tens of milliseconds' work, so that no request has
// to wait for it. An error means that the program was not built right; pages then load
// the sources, which is slower.
func Make() error { return embeddedSite().err }

func bundled(sources fs.FS) made {
	b, err := build(sources)
	if err != nil {
		b = built{assets: make(map[string]file)}
	}
	m := made{assets: b.assets, pages: make(map[string]page), err: err}
	_ = fs.WalkDir(sources, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return nil //nolint:nilerr // what cannot be read is not there: 404
		}
		body, err := fs.ReadFile(sources, name)
		if err != nil {
			return nil //nolint:nilerr // likewise
		}
		_, isBuilt := m.assets[name]
		switch {
		case path.Ext(name) == ".html":
			m.pages[path.Base(name)] = b.finish(name, body)
		case !isBuilt:
			m.assets[name] = newFile(name, body)
		}
		return nil
	})
	return m
}

// FromDir returns a site that is read anew from a directory for each request, unbundled,
// for whoever changes it. The directory is that of this package.
func FromDir(dir string) (*Site, error) {
	if err := CheckDir(dir); err != nil {
		return nil, err
	}
	sources := os.DirFS(dir)
	read := func(name string) (file, bool) {
		body, err := fs.ReadFile(sources, name)
		return newFile(name, body), err == nil && isAsset(name)
	}
	return &Site{asset: read, page: func(name string) page {
		f, _ := fs.ReadFile(sources, "pages/"+name)
		return page{file: newFile(name, f)}
	}}, nil
}

// CheckDir says what keeps a directory from being a site's.
func CheckDir(dir string) error {
	for _, name := range []string{player, "pages/watch.html"} {
		if _, err := os.Stat(path.Join(dir, name)); errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s has no %s: it is not the directory static of Porthole's sources", dir, name)
		} else if err != nil {
			return err
		}
	}
	return nil
}

// isAsset says whether a file is for browsers: of the directory, only what would be
// embedded, too.
func isAsset(name string) bool {
	if room, _, inRoom := strings.Cut(name, "/"); inRoom {
		return (room == "player" || room == "lib" || room == "text" || room == "pages") && path.Ext(name) != ".html"
	}
	return path.Ext(name) == ".js"
}

// Icon serves the picture that browsers ask for where no page names one: "/favicon.ico".
func (s *Site) Icon() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asset, ok := s.asset(icon); ok {
			asset.serve(w, r, http.StatusOK)
		}
	})
}

// Handler serves the assets below /static/; whatever is not one is 404. Any site may
// load them (CORS and cross-origin resource policy are open): the player is made to be
// used on other sites, and nothing here is secret.
func (s *Site) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asset, ok := s.asset(strings.TrimPrefix(r.URL.Path, prefix))
		if !ok {
			http.NotFound(w, r)
			return
		}
		cors.Open(w.Header())
		w.Header().Set("Cross-Origin-Resource-Policy", "cross-origin")
		asset.serve(w, r, http.StatusOK)
	})
}
