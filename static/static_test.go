package static_test

import (
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"

	"porthole/static"
)

// get asks a handler and returns what it answered.
func get(t *testing.T, h http.Handler, method, target string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestAssetsHaveTypesThatBrowsersInsistOn(t *testing.T) {
	h := static.Embedded().Handler()
	for target, want := range map[string]string{
		"/static/whep-video.js":   "text/javascript; charset=utf-8", // a module of another type is not run
		"/static/pages/style.css": "text/css; charset=utf-8",
		"/static/pages/icon.svg":  "image/svg+xml",
	} {
		w := get(t, h, http.MethodGet, target)
		if w.Code != http.StatusOK || w.Body.Len() == 0 {
			t.Errorf("GET %s: status %d with %d bytes", target, w.Code, w.Body.Len())
		}
		if got := w.Header().Get("Content-Type"); got != want {
			t.Errorf("GET %s: Content-Type %q, want %q", target, got, want)
		}
		for name, want := range map[string]string{
			"X-Content-Type-Options":       "nosniff",
			"Cache-Control":                "no-cache",
			"Access-Control-Allow-Origin":  "*", // other sites load the player
			"Cross-Origin-Resource-Policy": "cross-origin",
		} {
			if got := w.Header().Get(name); got != want {
				t.Errorf("GET %s: %s %q, want %q", target, name, got, want)
			}
		}
	}
}

func TestAssetsAreSentOnce(t *testing.T) {
	h := static.Embedded().Handler()
	first := get(t, h, http.MethodGet, "/static/player/player.js")
	etag := first.Header().Get("ETag")
	if !regexp.MustCompile(`^"[0-9a-f]{16,}"$`).MatchString(etag) {
		t.Fatalf("ETag %q is not a strong one", etag)
	}
	if other := get(t, h, http.MethodGet, "/static/player/whep.js").Header().Get("ETag"); other == etag {
		t.Errorf("two files have the ETag %s", etag)
	}
	again := get(t, h, http.MethodGet, "/static/player/player.js", "If-None-Match", etag)
	if again.Code != http.StatusNotModified || again.Body.Len() != 0 {
		t.Errorf("with If-None-Match: status %d with %d bytes, want 304 with none", again.Code, again.Body.Len())
	}
	changed := get(t, h, http.MethodGet, "/static/player/player.js", "If-None-Match", `"0123456789abcdef01234567"`)
	if changed.Code != http.StatusOK {
		t.Errorf("with another version's ETag: status %d, want 200", changed.Code)
	}
	head := get(t, h, http.MethodHead, "/static/player/player.js")
	if head.Code != http.StatusOK || head.Body.Len() != 0 || head.Header().Get("ETag") != etag {
		t.Errorf("HEAD: status %d, %d bytes, ETag %s", head.Code, head.Body.Len(), head.Header().Get("ETag"))
	}
}

func TestOnlyAssetsAreServed(t *testing.T) {
	h := static.Embedded().Handler()
	for _, target := range []string{
		"/static/",
		"/static/nothing.js",
		"/static/pages/home.html", // pages have their own addresses and headers
		"/static/static.go",
		"/static/jsconfig.json",
		"/static/package.json",
		"/static/test/player.test.mjs",
		"/static/../static/static.go",
		"/static/./player.js",
	} {
		if w := get(t, h, http.MethodGet, target); w.Code != http.StatusNotFound {
			t.Errorf("GET %s: status %d, want 404", target, w.Code)
		}
	}
	w := get(t, h, http.MethodPost, "/static/player/player.js")
	if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: status %d, Allow %q", w.Code, w.Header().Get("Allow"))
	}
}

func TestPagesAreServedUnderAStrictPolicy(t *testing.T) {
	pages := static.Embedded().Pages(static.PageConfig{})
	for _, page := range []struct {
		target    string
		handler   http.Handler
		ancestors string
		holds     string
	}{
		{"/", pages.Home, "'self'", "Live streams"},
		{"/watch/webcam", pages.Watch, "'self'", "<whep-video"},
		{"/publish/a_b-C.9", pages.Publish, "'self'", "Go live"},
		{"/embed/webcam", pages.Embed, "*", "<whep-video"}, // made for other sites' frames
	} {
		w := get(t, page.handler, http.MethodGet, page.target)
		if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), page.holds) {
			t.Errorf("GET %s: status %d, without %q", page.target, w.Code, page.holds)
		}
		if got := w.Header().Get("Content-Type"); got != "text/html; charset=utf-8" {
			t.Errorf("GET %s: Content-Type %q", page.target, got)
		}
		policy := strings.Split(w.Header().Get("Content-Security-Policy"), "; ")
		for _, want := range []string{"default-src 'self'", "object-src 'none'", "base-uri 'none'", "frame-ancestors " + page.ancestors} {
			if !slices.Contains(policy, want) {
				t.Errorf("GET %s: the policy %q lacks %q", page.target, policy, want)
			}
		}
		if strings.Contains(strings.Join(policy, ";"), "unsafe") {
			t.Errorf("GET %s: the policy %q allows something unsafe", page.target, policy)
		}
		if got := w.Header().Get("Referrer-Policy"); got != "no-referrer" {
			t.Errorf("GET %s: Referrer-Policy %q: the address may hold a token", page.target, got)
		}
		if w.Header().Get("X-Content-Type-Options") != "nosniff" || w.Header().Get("ETag") == "" {
			t.Errorf("GET %s: headers %v", page.target, w.Header())
		}
	}
}

func TestFrameAncestorsAreTheOperatorsChoice(t *testing.T) {
	pages := static.Embedded().Pages(static.PageConfig{FrameAncestors: []string{"'self'", "https://*.example.org"}})
	for _, tt := range []struct {
		page http.Handler
		want string
	}{
		{pages.Embed, "frame-ancestors 'self' https://*.example.org"},
		{pages.Watch, "frame-ancestors 'self'"},
	} {
		policy := strings.Split(get(t, tt.page, http.MethodGet, "/embed/webcam").Header().Get("Content-Security-Policy"), "; ")
		if !slices.Contains(policy, tt.want) {
			t.Errorf("the policy %q lacks %q", policy, tt.want)
		}
	}
}

func TestWatchPageSaysWhereItIsDescribed(t *testing.T) {
	pages := static.Embedded().Pages(static.PageConfig{Discovery: func(r *http.Request, stream string) map[string]string {
		return map[string]string{"application/json+oembed": "http://" + r.Host + "/oembed?url=" + stream + `&"<>`}
	}})
	w := get(t, pages.Watch, http.MethodGet, "/watch/webcam")
	want := `<link rel="alternate" type="application/json+oembed" href="http://example.com/oembed?url=webcam&amp;&#34;&lt;&gt;">`
	if !strings.Contains(w.Body.String(), want) {
		t.Errorf("the page lacks %s", want)
	}
	other := get(t, pages.Watch, http.MethodGet, "/watch/other")
	if other.Header().Get("ETag") == w.Header().Get("ETag") {
		t.Error("the pages of two streams have the same ETag")
	}
	if again := get(t, pages.Watch, http.MethodGet, "/watch/webcam", "If-None-Match", w.Header().Get("ETag")); again.Code != http.StatusNotModified {
		t.Errorf("the same page again: status %d, want 304", again.Code)
	}
	if strings.Contains(get(t, pages.Embed, http.MethodGet, "/embed/webcam").Body.String(), "oembed") {
		t.Error("the embed page is described too")
	}
}

func TestNamesThatNoStreamCanHaveAreNotFound(t *testing.T) {
	pages := static.Embedded().Pages(static.PageConfig{})
	for _, target := range []string{
		"/watch/two%20words",
		"/watch/" + strings.Repeat("x", 65),
		"/watch/..",
		"/watch/%3Cscript%3E",
		"/watch/live%2Fcam",
	} {
		w := get(t, pages.Watch, http.MethodGet, target)
		if w.Code != http.StatusNotFound {
			t.Errorf("GET %s: status %d, want 404", target, w.Code)
		}
		if !strings.Contains(w.Body.String(), "No stream can have this name") {
			t.Errorf("GET %s: the page does not say why", target)
		}
		if w.Header().Get("Content-Security-Policy") == "" {
			t.Errorf("GET %s: served without a policy", target)
		}
	}
	if w := get(t, pages.Watch, http.MethodGet, "/watch/"+strings.Repeat("x", 64)); w.Code != http.StatusOK {
		t.Errorf("a name of 64 letters: status %d, want 200", w.Code)
	}
}

// What a page loads besides its document: one module and one picture. All of it is at
// addresses that never change, and is small (docs/PERFORMANCE.md, the budget of a page).
func TestPagesKeepTheirBudget(t *testing.T) {
	if err := static.Make(); err != nil {
		t.Fatal(err)
	}
	site := static.Embedded()
	pages := site.Pages(static.PageConfig{Discovery: func(*http.Request, string) map[string]string {
		return map[string]string{"application/json+oembed": "http://example.com/oembed"}
	}})
	for _, tt := range []struct {
		target   string
		page     http.Handler
		document int // bytes with gzip, at most
		all      int // with what it loads
	}{
		{"/watch/x", pages.Watch, 14_000, 54_000},
		{"/embed/x", pages.Embed, 14_000, 50_000},
		{"/", pages.Home, 14_000, 48_000},
		{"/publish/x", pages.Publish, 14_000, 48_000},
	} {
		w := get(t, tt.page, http.MethodGet, tt.target, "Accept-Encoding", "gzip")
		document := w.Body.Len()
		all, loaded := document, make(map[string]bool)
		for _, match := range loads.FindAllStringSubmatch(unpacked(t, w), -1) {
			asset := path.Join(path.Dir(tt.target), match[1])
			if loaded[asset] {
				continue
			}
			loaded[asset] = true
			a := get(t, site.Handler(), http.MethodGet, asset, "Accept-Encoding", "gzip")
			all += a.Body.Len()
			if a.Code != http.StatusOK || !strings.Contains(a.Header().Get("Cache-Control"), "immutable") || a.Header().Get("Content-Encoding") != "gzip" {
				t.Errorf("%s: %s: status %d, %v", tt.target, asset, a.Code, a.Header())
			}
		}
		t.Logf("%s: document %d bytes, all %d bytes, loads %d", tt.target, document, all, len(loaded))
		if document > tt.document || all > tt.all || len(loaded) > 2 {
			t.Errorf("%s: document %d bytes (at most %d), all %d (at most %d), loads %v", tt.target, document, tt.document, all, tt.all, loaded)
		}
	}
}

func TestPagesCanBeReadInAnotherLanguage(t *testing.T) {
	pages := static.Embedded().Pages(static.PageConfig{})
	for target, page := range map[string]http.Handler{
		"/": pages.Home, "/watch/x": pages.Watch, "/publish/x": pages.Publish, "/wall": pages.Wall, "/watch/a%20b": pages.Watch, "/foo": pages.Missing,
	} {
		if body := get(t, page, http.MethodGet, target).Body.String(); !strings.Contains(body, `id="language"`) {
			t.Errorf("%s has no link to the other language", target)
		}
	}
}

// loads finds what a document loads.
var loads = regexp.MustCompile(`(?:src|<link rel="icon" href)="([^"#]+)"`)

// unpacked is the body of an answer, whatever its coding.
func unpacked(t *testing.T, w *httptest.ResponseRecorder) string {
	t.Helper()
	var body io.Reader = w.Body
	switch w.Header().Get("Content-Encoding") {
	case "gzip":
		unzipped, err := gzip.NewReader(body)
		if err != nil {
			t.Fatal(err)
		}
		body = unzipped
	case "br":
		body = brotli.NewReader(body)
	}
	text, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestFilesComeAsTheBrowserTakesThem(t *testing.T) {
	h := static.Embedded().Handler()
	plain := get(t, h, http.MethodGet, "/static/whep-video.js")
	etags := make(map[string]bool)
	for accepted, want := range map[string]string{
		"": "", "gzip": "gzip", "gzip, deflate, br, zstd": "br", "br;q=0, gzip;q=0.5": "gzip", "gzip;q=0": "", "identity": "", "*": "",
	} {
		w := get(t, h, http.MethodGet, "/static/whep-video.js", "Accept-Encoding", accepted)
		if got := w.Header().Get("Content-Encoding"); got != want || unpacked(t, w) != plain.Body.String() {
			t.Errorf("with Accept-Encoding %q: coding %q, want %q, the same body", accepted, got, want)
		}
		if w.Header().Get("Vary") != "Accept-Encoding" {
			t.Errorf("with Accept-Encoding %q: Vary %q: a cache would mix them up", accepted, w.Header().Get("Vary"))
		}
		etag := w.Header().Get("ETag")
		etags[etag] = true
		again := get(t, h, http.MethodGet, "/static/whep-video.js", "Accept-Encoding", accepted, "If-None-Match", etag)
		if again.Code != http.StatusNotModified || again.Body.Len() > 0 {
			t.Errorf("with Accept-Encoding %q and If-None-Match: status %d", accepted, again.Code)
		}
	}
	if len(etags) != 3 {
		t.Errorf("three codings have the ETags %v", etags)
	}
	// Other sites load the player by one request, and it finds its own server.
	if body := plain.Body.String(); strings.Contains(body, `from"./`) || !strings.Contains(body, `new URL("..",import.meta.url)`) {
		t.Errorf("the player loads more, or looks for its server elsewhere")
	}
}

// What is inline in a page is what its policy names, and nothing else.
func TestInlineScriptsAreNamedByThePolicy(t *testing.T) {
	pages := static.Embedded().Pages(static.PageConfig{})
	w := get(t, pages.Watch, http.MethodGet, "/watch/webcam")
	policy := w.Header().Get("Content-Security-Policy")
	inline := regexp.MustCompile(`(?s)<(script|style)>(.*?)</(?:script|style)>`).FindAllStringSubmatch(w.Body.String(), -1)
	if len(inline) != 3 {
		t.Fatalf("%d inline scripts and styles", len(inline))
	}
	for _, found := range inline {
		sum := sha256.Sum256([]byte(found[2]))
		directive := regexp.MustCompile(found[1] + `-src 'self'[^;]* 'sha256-` + regexp.QuoteMeta(base64.StdEncoding.EncodeToString(sum[:])) + `'`)
		if !directive.MatchString(policy) {
			t.Errorf("the policy %q lacks the hash of a %s", policy, found[1])
		}
	}
}

func TestPagesKnowTheirStream(t *testing.T) {
	pages := static.Embedded().Pages(static.PageConfig{Stream: func(_ *http.Request, stream string) static.Stream {
		switch stream {
		case "live":
			return static.Stream{State: "live", LAN: `http://192.0.2.1:8080/`, URL: "http://example.com/watch/live", Picture: `http://example.com/snapshot/live.jpg?width=1200&wake=0`}
		case "nobody":
			return static.Stream{State: "unknown", URL: "http://example.com/watch/nobody"}
		}
		return static.Stream{} // which takes a token
	}})
	for _, tt := range []struct {
		stream string
		has    []string
		lacks  string
	}{
		{"live", []string{`data-stream="live"`, `data-lan="http://192.0.2.1:8080/"`, `<meta property="og:title" content="live">`, `content="http://example.com/snapshot/live.jpg?width=1200&amp;wake=0">`}, `data-stream="unknown"`},
		{"nobody", []string{`data-stream="unknown"`, `og:url`}, "og:image"},
		{"secret", nil, "og:"},
	} {
		for _, accepted := range []string{"", "gzip, br"} {
			w := get(t, pages.Watch, http.MethodGet, "/watch/"+tt.stream, "Accept-Encoding", accepted)
			body := unpacked(t, w)
			for _, want := range tt.has {
				if !strings.Contains(body, want) {
					t.Errorf("the page of %s lacks %s", tt.stream, want)
				}
			}
			if strings.Contains(body, tt.lacks) {
				t.Errorf("the page of %s has %s", tt.stream, tt.lacks)
			}
		}
	}
	if body := get(t, pages.Embed, http.MethodGet, "/embed/nobody").Body.String(); !strings.Contains(body, `data-stream="unknown"`) || strings.Contains(body, "og:") {
		t.Error("the embed page should know of its stream, and has nothing for those who show links")
	}
}

// The page that says that there is none refers to what it needs from any depth.
func TestMissingPages(t *testing.T) {
	pages := static.Embedded().Pages(static.PageConfig{})
	for target, up := range map[string]string{"/foo": "./", "/foo/bar": "../", "/a/b/c": "../../"} {
		w := get(t, pages.Missing, http.MethodGet, target)
		body := w.Body.String()
		if w.Code != http.StatusNotFound || !strings.Contains(body, `data-missing="page"`) ||
			!strings.Contains(body, `src="`+up+`static/built/unknown.`) || !strings.Contains(body, `href="`+up+`"`) {
			t.Errorf("GET %s: status %d, without references to %s", target, w.Code, up)
		}
	}
}

// In development, pages load the sources, as they are at the moment.
func TestFromDir(t *testing.T) {
	if _, err := static.FromDir(t.TempDir()); err == nil || !strings.Contains(err.Error(), "whep-video.js") {
		t.Errorf("an empty directory: %v", err)
	}
	site, err := static.FromDir(".")
	if err != nil {
		t.Fatal(err)
	}
	pages := site.Pages(static.PageConfig{})
	if body := get(t, pages.Watch, http.MethodGet, "/watch/x").Body.String(); !strings.Contains(body, `src="../static/pages/watch.js"`) {
		t.Error("the page does not load the source")
	}
	for target, want := range map[string]int{
		"/static/pages/watch.js": 200, "/static/whep-video.js": 200, "/static/pages/watch.html": 404,
		"/static/static.go": 404, "/static/jsconfig.json": 404, "/static/test/qr.test.mjs": 404, "/static/../go.mod": 404,
	} {
		if w := get(t, site.Handler(), http.MethodGet, target); w.Code != want {
			t.Errorf("GET %s: status %d, want %d", target, w.Code, want)
		}
	}
}

// reference finds what a page loads, and module what a module imports.
var (
	reference = regexp.MustCompile(`(?:href|src)="([^"#]+)"`)
	module    = regexp.MustCompile(`(?m)^import [^;]*?'([^']+)';`)
)

// TestEverythingReferredToIsEmbedded follows pages and modules: a file that was
// renamed in one place only would otherwise be found by a viewer.
func TestEverythingReferredToIsEmbedded(t *testing.T) {
	h := static.Embedded().Handler()
	pages := static.Embedded().Pages(static.PageConfig{})
	var assets []string
	for base, page := range map[string]http.Handler{
		"/": pages.Home, "/watch/x": pages.Watch, "/publish/x": pages.Publish, "/embed/x": pages.Embed, "/watch/a b": pages.Watch,
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.URL.Path = base
		w := httptest.NewRecorder()
		page.ServeHTTP(w, r)
		for _, match := range reference.FindAllStringSubmatch(w.Body.String(), -1) {
			if strings.HasPrefix(match[1], "/") || strings.Contains(match[1], ":") {
				t.Errorf("%s refers to %s: only relative references work below a proxy's prefix", base, match[1])
			}
			if strings.Contains(match[1], "static/") {
				assets = append(assets, path.Join(path.Dir(base), match[1]))
			}
		}
	}
	if len(assets) < 10 {
		t.Fatalf("found only %d references: %v", len(assets), assets)
	}

	seen := make(map[string]bool)
	for len(assets) > 0 {
		asset := assets[0]
		assets = assets[1:]
		if seen[asset] {
			continue
		}
		seen[asset] = true
		w := get(t, h, http.MethodGet, asset)
		if w.Code != http.StatusOK {
			t.Errorf("%s is referred to and not embedded", asset)
		}
		for _, match := range module.FindAllStringSubmatch(w.Body.String(), -1) {
			assets = append(assets, path.Join(path.Dir(asset), match[1]))
		}
	}
}

// Every module that a module imports, and every file that a page names, is served.
func TestEveryReferenceResolves(t *testing.T) {
	h := static.Embedded().Handler()
	served := func(from, target string) {
		if w := get(t, h, http.MethodGet, target); w.Code != http.StatusOK {
			t.Errorf("%s refers to %s: status %d", from, target, w.Code)
		}
	}
	imports, named := 0, 0
	err := filepath.WalkDir(".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		body, err := os.ReadFile(name)
		switch path.Ext(name) {
		case ".js":
			for _, m := range regexp.MustCompile(`(?m)(?:from |^import |import\()'(\.[^']+)'`).FindAllStringSubmatch(string(body), -1) {
				imports++
				served(name, path.Join("/static", path.Dir(name), m[1]))
			}
		case ".html":
			for _, m := range regexp.MustCompile(`(?:src|href)="(?:\.\./)?(static/[^"]+)"`).FindAllStringSubmatch(string(body), -1) {
				named++
				served(name, "/"+m[1])
			}
		}
		return err
	})
	if err != nil || imports < 100 || named < 12 {
		t.Errorf("%d imports and %d references were looked at: %v", imports, named, err)
	}
}
