// Package static holds what a browser loads from Porthole: four pages, one
// stylesheet and the ES modules behind them, with the <whep-video> player among
// them, all embedded in the binary.
//
// [Handler] serves the assets below /static/ and [NewPages] the pages
// themselves. Both answer from memory with a content-hash ETag, so that a browser
// keeps everything and asks only whether it is still current; nothing needs a
// build step or another server.
//
// whep-video.js is the address that other sites load the player from; what it consists of is in player. pages has the
// pages, with their scripts and their stylesheet, lib what both need, text the words in both languages.
//
// The package knows no streams and no tokens: the pages fetch /api/…, /whip/… and
// /whep/… themselves. Every reference in them is relative, so that they work below
// the path prefix of a reverse proxy too.
package static

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"

	"porthole/internal/cors"
)

// prefix is the path that the assets are served below; the pages refer to it.
const prefix = "/static/"

//go:embed *.js player lib text pages/*.js pages/*.css pages/*.svg
var assetFiles embed.FS

//go:embed pages/*.html
var pageFiles embed.FS

// contentType is the media type of an embedded file. Package mime would ask the
// machine's registry, and a wrong answer from there (text/plain for .js is a
// classic) keeps a browser from running any module.
func contentType(ext string) string {
	switch ext {
	case ".html":
		return "text/html; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	}
	return "application/octet-stream"
}

// file is one embedded file, ready to be sent.
type file struct {
	name        string
	body        []byte
	contentType string
	etag        string // strong, quoted: the body's hash
}

// load reads every file of an embedded tree, by its path. The files are in the binary, so
// that a failure can only mean a program that was not built right; such a file is
// left out and answered with 404.
func load(files embed.FS) map[string]file {
	loaded := make(map[string]file)
	_ = fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return nil
		}
		if body, err := files.ReadFile(name); err == nil {
			loaded[name] = file{
				name:        name,
				body:        body,
				contentType: contentType(path.Ext(name)),
				etag:        etagOf(body),
			}
		}
		return nil
	})
	return loaded
}

func etagOf(body []byte) string {
	sum := sha256.Sum256(body)
	return `"` + hex.EncodeToString(sum[:12]) + `"`
}

// serve sends the file, or 304 when the browser has it already. The status is
// status where the whole body is sent.
func (f file) serve(w http.ResponseWriter, r *http.Request, status int) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	header := w.Header()
	header.Set("Content-Type", f.contentType)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("ETag", f.etag)
	// Kept, but asked about every time: an upgraded server never mixes its modules
	// with the old ones, and an unchanged one costs a 304 each.
	header.Set("Cache-Control", "no-cache")
	if status != http.StatusOK {
		header.Del("ETag")
		w.WriteHeader(status)
		if r.Method == http.MethodGet {
			w.Write(f.body)
		}
		return
	}
	http.ServeContent(w, r, f.name, time.Time{}, bytes.NewReader(f.body))
}

// Handler serves the embedded assets below /static/; whatever is not embedded is
// 404. Any site may load them (CORS and cross-origin resource policy are open):
// the player is made to be used on other sites, and nothing here is secret.
func Handler() http.Handler {
	assets := load(assetFiles)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asset, ok := assets[strings.TrimPrefix(r.URL.Path, prefix)]
		if !ok {
			http.NotFound(w, r)
			return
		}
		cors.Open(w.Header())
		w.Header().Set("Cross-Origin-Resource-Policy", "cross-origin")
		asset.serve(w, r, http.StatusOK)
	})
}
