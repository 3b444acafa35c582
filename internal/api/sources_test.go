package api_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"
	"github.com/prometheus/client_golang/prometheus"

	"porthole/internal/api"
	"porthole/internal/auth"
	"porthole/internal/sourceinfo"
)

// sourceAPI has one source, "webcam", which notes what is changed.
func sourceAPI(changed *sourceinfo.Change, fault *error) http.Handler {
	value, least, most := int64(157), int64(3), int64(2047)
	find := func(name string) (sourceinfo.Source, error) {
		if name != "webcam" {
			return sourceinfo.Source{}, sourceinfo.ErrNoSource
		}
		return sourceinfo.Source{Name: name, Kind: "camera", URI: "camera:", Adjustable: true, Controls: []sourceinfo.Control{
			{Name: "exposure", Title: "Exposure Time, Absolute", Kind: sourceinfo.Integer, Min: &least, Max: &most, Step: 1, Default: &least, Value: &value},
		}}, nil
	}
	a := api.New(api.Config{
		Auth: auth.New(auth.Config{PublishToken: publishToken, ViewToken: viewToken}), Gatherer: prometheus.NewRegistry(),
		Sources: api.Sources{
			List: func() []sourceinfo.Source { return []sourceinfo.Source{} },
			Info: func(_ context.Context, name string) (sourceinfo.Source, error) { return find(name) },
			Change: func(_ context.Context, name string, c sourceinfo.Change) error {
				*changed = c
				if _, err := find(name); err != nil {
					return err
				}
				return *fault
			},
		},
	})
	r := chi.NewRouter()
	a.OperatorRoutes(r)
	return r
}

func patch(h http.Handler, target, token, kind, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPatch, target, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", kind)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestSourcesAreToldAndChanged(t *testing.T) {
	var changed sourceinfo.Change
	var fault error
	h := sourceAPI(&changed, &fault)
	if got := call(h, http.MethodGet, "/api/sources", publishToken).Body.String(); got != "{\"sources\":[]}\n" {
		t.Errorf("got %s", got)
	}
	const webcam = `{"name":"webcam","kind":"camera","uri":"camera:","adjustable":true,"controls":[{"name":"exposure","title":"Exposure Time, Absolute",` +
		`"kind":"integer","min":3,"max":2047,"step":1,"default":3,"value":157}]}`
	w := call(h, http.MethodGet, "/api/sources/webcam", publishToken)
	if got := strings.TrimSpace(w.Body.String()); got != webcam || w.Header().Get("Accept-Patch") == "" {
		t.Errorf("got %s", got)
	}
	for _, kind := range []string{"application/json", "application/merge-patch+json; charset=utf-8"} {
		w = patch(h, "/api/sources/webcam", publishToken, kind, `{"controls":{"a":157,"b":true,"c":"50-hz","d":null}}`)
		if got := strings.TrimSpace(w.Body.String()); w.Code != http.StatusOK || got != webcam {
			t.Errorf("%s: %d %s", kind, w.Code, got)
		}
		if got := fmt.Sprint(changed.Controls); got != "map[a:157 b:on c:50-hz d:default]" {
			t.Errorf("changed %s", got)
		}
	}
}

func TestWhoMayChangeSources(t *testing.T) {
	var changed sourceinfo.Change
	var fault error
	h := sourceAPI(&changed, &fault)
	for token, want := range map[string]int{"": 401, "wrong": 401, viewToken: 403, publishToken: 200} {
		for _, target := range []string{"/api/sources", "/api/sources/webcam"} {
			if w := call(h, http.MethodGet, target, token); w.Code != want {
				t.Errorf("GET %s with token %q: %d, want %d", target, token, w.Code, want)
			}
		}
		if w := patch(h, "/api/sources/webcam", token, "application/json", `{}`); w.Code != want {
			t.Errorf("PATCH with token %q: %d, want %d", token, w.Code, want)
		}
	}
}

func TestChangesThatAreWrong(t *testing.T) {
	var changed sourceinfo.Change
	var fault error
	h := sourceAPI(&changed, &fault)
	for name, test := range map[string]struct {
		target, kind, body string
		fault              error
		want               int
	}{
		"nobody of that name": {"/api/sources/door", "application/json", `{}`, nil, 404},
		"no JSON":             {"/api/sources/webcam", "application/json", `{"controls":`, nil, 400},
		"something behind it": {"/api/sources/webcam", "application/json", `{} {}`, nil, 400},
		"a key that is none":  {"/api/sources/webcam", "application/json", `{"control":{}}`, nil, 400},
		"a half":              {"/api/sources/webcam", "application/json", `{"controls":{"zoom":1.5}}`, nil, 400},
		"a list":              {"/api/sources/webcam", "application/json", `{"controls":{"zoom":[1]}}`, nil, 400},
		"another type":        {"/api/sources/webcam", "text/plain", `{}`, nil, 415},
		"more than is read":   {"/api/sources/webcam", "application/json", `{"controls":{"a":"` + strings.Repeat("x", 20<<10) + `"}}`, nil, 413},
		"out of range":        {"/api/sources/webcam", "application/json", `{}`, fmt.Errorf("%w: zoom", sourceinfo.ErrInvalid), 422},
		"the camera is away":  {"/api/sources/webcam", "application/json", `{}`, fmt.Errorf("%w: unplugged", sourceinfo.ErrAway), 503},
		"it does not answer":  {"/api/sources/webcam", "application/json", `{}`, context.DeadlineExceeded, 503},
	} {
		changed, fault = sourceinfo.Change{}, test.fault
		w := patch(h, test.target, publishToken, test.kind, test.body)
		if w.Code != test.want {
			t.Errorf("%s: %d %s, want %d", name, w.Code, w.Body, test.want)
		}
		if w.Code < 404 && w.Code >= 400 && changed.Controls != nil {
			t.Errorf("%s: changed all the same", name)
		}
	}
}
