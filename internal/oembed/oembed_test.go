package oembed_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"

	"porthole/internal/auth"
	"porthole/internal/oembed"
	"porthole/internal/snapshot"
)

// ask asks for the description of a page of https://cam.example/video/. The stream
// "cam" has a picture of 4:3, others have none.
func ask(t *testing.T, viewToken string, query url.Values) *httptest.ResponseRecorder {
	t.Helper()
	router := chi.NewRouter()
	oembed.Routes(router, oembed.Config{
		PublicURL: func(*http.Request) *url.URL { return &url.URL{Scheme: "http", Host: "cam.example", Path: "/"} },
		Auth:      auth.New(auth.Config{ViewToken: viewToken}),
		Snapshot: func(_ context.Context, stream string, width int) (int, int, error) {
			if stream != "cam" {
				return 0, 0, snapshot.ErrNoPicture
			}
			return width, width * 3 / 4, nil
		},
	})
	w := httptest.NewRecorder()
	router.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/oembed?"+query.Encode(), nil))
	return w
}

func page(address string, more ...string) url.Values {
	query := url.Values{"url": {address}}
	for i := 0; i+1 < len(more); i += 2 {
		query.Set(more[i], more[i+1])
	}
	return query
}

func answer(t *testing.T, w *httptest.ResponseRecorder) oembed.Answer {
	t.Helper()
	var a oembed.Answer
	if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil || w.Code != http.StatusOK {
		t.Fatalf("status %d, %v: %s", w.Code, err, w.Body)
	}
	return a
}

func TestJSON(t *testing.T) {
	w := ask(t, "", page("https://cam.example/video/watch/cam"))
	if got := w.Header().Get("Content-Type"); got != "application/json; charset=utf-8" {
		t.Errorf("Content-Type %q", got)
	}
	if got := w.Header().Get("Access-Control-Allow-Origin"); got != "*" {
		t.Errorf("allowed origin %q", got)
	}
	want := oembed.Answer{
		Type: "video", Version: "1.0", Title: "cam", ProviderName: "Porthole", ProviderURL: "https://cam.example/video/", CacheAge: 300,
		ThumbnailURL: "https://cam.example/video/snapshot/cam.jpg?width=640", ThumbnailWidth: 640, ThumbnailHeight: 480,
		HTML: `<iframe src="https://cam.example/video/embed/cam" width="640" height="480" title="cam" style="border:0" ` +
			`allow="autoplay; fullscreen; picture-in-picture" allowfullscreen></iframe>`,
		Width: 640, Height: 480,
	}
	if got := answer(t, w); got != want {
		t.Errorf("\n got %+v\nwant %+v", got, want)
	}
}

func TestStreamWithoutAPicture(t *testing.T) {
	a := answer(t, ask(t, "", page("https://cam.example/embed/later")))
	if a.Type != "video" || a.Title != "later" || !strings.HasPrefix(a.HTML, `<iframe src="https://cam.example/embed/later" width="640" height="360"`) {
		t.Errorf("%+v", a)
	}
	if a.ThumbnailURL != "" || a.ThumbnailWidth != 0 {
		t.Errorf("a stream without a picture has the thumbnail %q", a.ThumbnailURL)
	}
}

func TestSizeFits(t *testing.T) {
	for _, tt := range []struct {
		stream, maxWidth, maxHeight string
		width, height               int
	}{
		{"other", "", "", 640, 360},
		{"other", "320", "", 320, 180},
		{"other", "", "90", 160, 90},
		{"other", "2000", "2000", 640, 360},
		{"cam", "400", "240", 320, 240},
		{"other", "1", "1", 1, 1},
	} {
		q := page("http://cam.example/watch/" + tt.stream)
		if tt.maxWidth != "" {
			q.Set("maxwidth", tt.maxWidth)
		}
		if tt.maxHeight != "" {
			q.Set("maxheight", tt.maxHeight)
		}
		if a := answer(t, ask(t, "", q)); a.Width != tt.width || a.Height != tt.height {
			t.Errorf("%s within %s x %s: %dx%d, want %dx%d", tt.stream, tt.maxWidth, tt.maxHeight, a.Width, a.Height, tt.width, tt.height)
		}
	}
}

func TestRefusals(t *testing.T) {
	for _, tt := range []struct {
		query url.Values
		want  int
	}{
		{page("https://evil.example/watch/cam"), 404},
		{page("https://cam.example@evil.example/watch/cam"), 404},
		{page("https://evil@cam.example/watch/cam"), 404},
		{page("javascript://cam.example/watch/cam"), 404},
		{page("https://cam.example/"), 404},
		{page("https://cam.example/publish/cam"), 404},
		{page("https://cam.example/watch/two words"), 404},
		{page("https://cam.example/watch/.."), 404},
		{page("https://cam.example/a/../watch/cam"), 404},
		{page("//cam.example/watch/cam"), 404},
		{page("https://cam.example/\"><script>/watch/cam", "format", "json"), 200}, // escaped
		{url.Values{}, 404},
		{page("https://cam.example/watch/cam", "format", "yaml"), 501},
		{page("https://cam.example/watch/cam", "maxwidth", "-1"), 400},
		{page("https://cam.example/watch/cam", "maxheight", "tall"), 400},
	} {
		w := ask(t, "", tt.query)
		if w.Code != tt.want {
			t.Errorf("%v: status %d, want %d: %s", tt.query, w.Code, tt.want, w.Body)
		}
		if w.Code != 200 && w.Header().Get("Content-Type") != "application/problem+json" {
			t.Errorf("%v: Content-Type %q", tt.query, w.Header().Get("Content-Type"))
		}
		if w.Code == 200 && strings.Contains(answer(t, w).HTML, "<script") {
			t.Errorf("%v: %s", tt.query, w.Body)
		}
	}
}

func TestTokenIsThatOfTheURL(t *testing.T) {
	for address, want := range map[string]int{
		"https://cam.example/watch/cam":             401,
		"https://cam.example/watch/cam?token=wrong": 401,
		"https://cam.example/watch/cam?token=s%26e": 200,
		"https://cam.example/watch/cam#token=s%26e": 200,
	} {
		w := ask(t, "s&e", page(address))
		if w.Code != want {
			t.Errorf("%s: status %d, want %d", address, w.Code, want)
			continue
		}
		if want != 200 {
			continue
		}
		a := answer(t, w)
		if !strings.Contains(a.HTML, `src="https://cam.example/embed/cam#token=s%26e"`) {
			t.Errorf("%s: %s", address, a.HTML)
		}
		if a.ThumbnailURL != "" {
			t.Errorf("%s: a thumbnail that nobody may see: %s", address, a.ThumbnailURL)
		}
	}
	// Without a view token, what stands in the address is nobody's business.
	if a := answer(t, ask(t, "", page("https://cam.example/watch/cam?token=x"))); strings.Contains(a.HTML, "token") {
		t.Errorf("a token that is not asked for is passed on: %s", a.HTML)
	}
}

func TestDiscoveryLeadsBack(t *testing.T) {
	base := &url.URL{Scheme: "https", Host: "cam.example", Path: "/video/"}
	got := oembed.Discovery(base, "https://cam.example/video/watch/cam")
	if want := "https://cam.example/video/oembed?format=json&url=https%3A%2F%2Fcam.example%2Fvideo%2Fwatch%2Fcam"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
