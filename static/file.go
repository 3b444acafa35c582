package static

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"path"
	"runtime"
	"strconv"
	"strings"
	"sync"

	"github.com/andybalholm/brotli"
)

// contentType is the media type of a file. Package mime would ask the
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
	case ".png":
		return "image/png"
	}
	return "application/octet-stream"
}

// How long a browser may keep a file without asking.
const (
	// Kept, but asked about every time: an upgraded server never mixes its files with
	// the old ones, and an unchanged one costs a 304.
	askEveryTime = "no-cache"
	// For ever: what is at such an address never changes, for it has the hash in it.
	forEver = "public, max-age=31536000, immutable"
)

// brotliLevel is where more work would save two percent and take ten times as long.
const brotliLevel = 6

// file is what a browser loads, ready to be sent.
type file struct {
	name        string
	body        []byte
	contentType string
	caching     string
	hash        string            // of the body, in hexadecimal
	encoded     map[string][]byte // the body, by content coding; made once
	hasty       bool              // it is compressed when it is sent
}

func newFile(name string, body []byte) file {
	sum := sha256.Sum256(body)
	return file{
		name: name, body: body, contentType: contentType(path.Ext(name)), caching: askEveryTime,
		hash: hex.EncodeToString(sum[:12]),
	}
}

// compressed returns the file with its body in the codings that browsers take: brotli
// over HTTPS and from localhost, gzip everywhere.
func (f file) compressed() file {
	if strings.HasSuffix(f.name, ".png") {
		return f
	}
	f.encoded = map[string][]byte{"gzip": gzipped(f.body, gzip.BestCompression), "br": brotlied(f.body)}
	return f
}

func gzipped(body []byte, level int) []byte {
	var out bytes.Buffer
	w, _ := gzip.NewWriterLevel(&out, level) // fails for levels that there are not
	w.Write(body)                            //nolint:errcheck // into memory
	w.Close()
	return out.Bytes()
}

// compressors are those for what is compressed for one request. One has about a megabyte of memory, so
// there are few, and who finds none free sends the body as it is.
type compressors chan *gzip.Writer

func newCompressors(n int) compressors {
	c := make(compressors, n)
	for range n {
		w, _ := gzip.NewWriterLevel(io.Discard, gzip.BestSpeed) // fails for levels that there are not
		c <- w
	}
	return c
}

var hasty = sync.OnceValue(func() compressors { return newCompressors(runtime.GOMAXPROCS(0)) }) //nolint:gochecknoglobals // shared, like the processors

// compress returns the body compressed; ok is false when all compressors are busy.
func (c compressors) compress(body []byte) (compressed []byte, ok bool) {
	select {
	case w := <-c:
		defer func() { c <- w }()
		var out bytes.Buffer
		w.Reset(&out)
		w.Write(body) //nolint:errcheck // into memory
		w.Close()
		return out.Bytes(), true
	default:
		return nil, false
	}
}

func brotlied(body []byte) []byte {
	var out bytes.Buffer
	w := brotli.NewWriterLevel(&out, brotliLevel)
	w.Write(body) //nolint:errcheck // into memory
	w.Close()
	return out.Bytes()
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
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Cache-Control", f.caching)
	if f.encoded != nil || f.hasty {
		header.Add("Vary", "Accept-Encoding")
	}
	coding, body := f.choose(r.Header.Get("Accept-Encoding"))
	if status == http.StatusOK {
		etag := f.etag(coding)
		header.Set("ETag", etag)
		if asked := r.Header.Get("If-None-Match"); asked == "*" || strings.Contains(asked, etag) {
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	header.Set("Content-Type", f.contentType)
	header.Set("Content-Length", strconv.Itoa(len(body)))
	if coding != "" {
		header.Set("Content-Encoding", coding)
	}
	w.WriteHeader(status)
	if r.Method == http.MethodGet {
		w.Write(body)
	}
}

// etag is strong and quoted; each coding has its own.
func (f file) etag(coding string) string {
	if coding != "" {
		coding = "-" + coding
	}
	return `"` + f.hash + coding + `"`
}

// choose returns the smallest body that the browser accepts, and how it is coded.
func (f file) choose(accepted string) (coding string, body []byte) {
	for _, coding := range []string{"br", "gzip"} {
		if encoded, ok := f.encoded[coding]; ok && accepts(accepted, coding) {
			return coding, encoded
		}
	}
	if f.hasty && accepts(accepted, "gzip") {
		if compressed, ok := hasty().compress(f.body); ok {
			return "gzip", compressed
		}
	}
	return "", f.body
}

// accepts says whether a header Accept-Encoding names a coding (RFC 9110, section 12.5.3).
// With *, which no browser sends, the body goes as it is.
func accepts(header, coding string) bool {
	for item := range strings.SplitSeq(header, ",") {
		name, weight, _ := strings.Cut(strings.TrimSpace(item), ";")
		if strings.EqualFold(strings.TrimSpace(name), coding) {
			value, found := strings.CutPrefix(strings.ReplaceAll(weight, " ", ""), "q=")
			q, err := strconv.ParseFloat(value, 64)
			return !found || err != nil || q > 0
		}
	}
	return false
}
