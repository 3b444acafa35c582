package signaling_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"porthole/internal/auth"
	"porthole/internal/events"
	"porthole/internal/negotiate"
	"porthole/internal/sessions"
	"porthole/internal/signaling"
)

// choosingSession takes every choice but that of the encoding "none".
type choosingSession struct {
	observableSession
	chosen *choices
}

type choices struct {
	mu   sync.Mutex
	list []signaling.Choice
}

func (s choosingSession) Choose(c signaling.Choice) error {
	if c.RID == "none" {
		return fmt.Errorf("%w: there is none", signaling.ErrNoLayer)
	}
	s.chosen.mu.Lock()
	defer s.chosen.mu.Unlock()
	s.chosen.list = append(s.chosen.list, c)
	return nil
}

func newChoosing(t *testing.T, layers int, mutate func(*signaling.Config, *sessions.Config)) (*fixture, *choices) {
	t.Helper()
	stream := &fakeStream{bus: events.NewBus()}
	list := make([]signaling.Layer, layers)
	stream.status = signaling.Status{Layers: map[string][]signaling.Layer{"0": list}}
	chosen := &choices{}
	f := newFixture(t, negotiate.Watch, mutate)
	f.make = func(s *fakeSession) signaling.Session {
		return choosingSession{observableSession{s, stream}, chosen}
	}
	return f, chosen
}

// links returns the Link lines of a relation.
func links(r reply, rel string) (found []string) {
	for _, link := range r.Header.Values("Link") {
		if strings.Contains(link, `rel="`+rel+`"`) {
			found = append(found, link)
		}
	}
	return found
}

const relLayer = "urn:ietf:params:whep:ext:core:layer"

// The choice is announced where there is one, and where it is not known yet, together with the events.
func TestLayerLink(t *testing.T) {
	for layers, want := range map[int]int{0: 1, 1: 0, 2: 1, 3: 1} {
		f, _ := newChoosing(t, layers, nil)
		r := f.post()
		got := links(r, relLayer)
		if len(got) != want {
			t.Errorf("%d encodings: Link %q", layers, got)
		}
		if want == 1 && got[0] != "<"+r.Header.Get("Location")+`/layer>; rel="`+relLayer+`"` {
			t.Errorf("Link %q", got)
		}
		if events := links(r, "urn:ietf:params:whep:ext:core:server-sent-events"); len(events) != 1 || !strings.Contains(events[0], "layers") {
			t.Errorf("events: %q", events)
		}
	}
}

func TestLayerIsChosen(t *testing.T) {
	f, chosen := newChoosing(t, 3, nil)
	path, _ := f.created()
	for _, tt := range []struct {
		name, method, mediaType, body string
		status                        int
		want                          signaling.Choice
	}{
		{"by the draft", "POST", "application/json", `{"mediaId":"0","rid":"hd"}`, 200, signaling.Choice{Media: "0", RID: "hd"}},
		{"as older players say it", "POST", "application/json", `{"mediaId":"1","encodingId":"hd"}`, 200, signaling.Choice{Media: "1", RID: "hd"}},
		{"both", "POST", "application/json", `{"rid":"hd","encodingId":"sd"}`, 200, signaling.Choice{RID: "hd"}},
		{"mediaId is a number", "POST", "application/json", `{"mediaId":0,"rid":"hd"}`, 200, signaling.Choice{Media: "0", RID: "hd"}},
		{"mediaId is null", "POST", "application/json", `{"mediaId":null,"rid":null}`, 200, signaling.Choice{}},
		{"parameters and case of the type", "POST", "Application/JSON; charset=utf-8", `{"rid":"hd"}`, 200, signaling.Choice{RID: "hd"}},
		{"a bound of the size", "POST", "application/json", `{"maxWidth":640,"maxHeight":360}`, 200, signaling.Choice{MaxWidth: 640, MaxHeight: 360}},
		{"unknown members", "POST", "application/json", `{"rid":"hd","hurry":true}`, 200, signaling.Choice{RID: "hd"}},
		{"nothing", "POST", "application/json", `{}`, 200, signaling.Choice{}},
		{"back to automatic", "DELETE", "", "", 200, signaling.Choice{}},
		{"DELETE again", "DELETE", "", "", 200, signaling.Choice{}},

		{"no JSON", "POST", "application/json", `rid=hd`, 400, signaling.Choice{}},
		{"cut", "POST", "application/json", `{"rid":`, 400, signaling.Choice{}},
		{"no object", "POST", "application/json", `["hd"]`, 400, signaling.Choice{}},
		{"null", "POST", "application/json", `null`, 400, signaling.Choice{}},
		{"empty", "POST", "application/json", ``, 400, signaling.Choice{}},
		{"rid is a number", "POST", "application/json", `{"rid":1}`, 400, signaling.Choice{}},
		{"mediaId is a list", "POST", "application/json", `{"mediaId":[]}`, 400, signaling.Choice{}},
		{"a negative size", "POST", "application/json", `{"maxWidth":-1}`, 400, signaling.Choice{}},
		{"no such encoding", "POST", "application/json", `{"rid":"none"}`, 422, signaling.Choice{}},
		{"a layer of SVC", "POST", "application/json", `{"spatialLayerId":0}`, 422, signaling.Choice{}},
		{"at most a layer of SVC", "POST", "application/json", `{"maxTemporalLayerId":1}`, 422, signaling.Choice{}},
		{"another type", "POST", "text/plain", `{"rid":"hd"}`, 415, signaling.Choice{}},
		{"no type", "POST", "", `{"rid":"hd"}`, 415, signaling.Choice{}},
		{"too large", "POST", "application/json", `"` + strings.Repeat("x", 200<<10) + `"`, 413, signaling.Choice{}},
		{"another method", "PUT", "application/json", `{"rid":"hd"}`, 405, signaling.Choice{}},
		{"no content to be had", "GET", "", "", 405, signaling.Choice{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			chosen.list = nil
			r := f.do(tt.method, path+"/layer", tt.body, "Content-Type", tt.mediaType, "Origin", "https://a.example")
			if r.StatusCode != tt.status || r.Header.Get("Access-Control-Allow-Origin") != "*" {
				t.Fatalf("status %d, want %d; CORS %q: %s", r.StatusCode, tt.status, r.Header.Get("Access-Control-Allow-Origin"), r.body)
			}
			if tt.status != 200 {
				r.problem(t)
				if len(chosen.list) > 0 {
					t.Errorf("chosen all the same: %+v", chosen.list)
				}
			} else if len(chosen.list) != 1 || chosen.list[0] != tt.want || r.body != "" {
				t.Errorf("chosen %+v, want %+v; body %q", chosen.list, tt.want, r.body)
			}
		})
	}
	if r := f.do("POST", path+"/layer", "{}", "Content-Type", "text/plain"); r.Header.Get("Accept-Post") != "application/json" {
		t.Errorf("415 without Accept-Post: %v", r.Header)
	}
	if r := f.do("OPTIONS", path+"/layer", ""); r.StatusCode != 200 || r.Header.Get("Allow") != "POST, DELETE, OPTIONS" {
		t.Errorf("OPTIONS: %d, Allow %q", r.StatusCode, r.Header.Get("Allow"))
	}
	f.do("DELETE", path, "")
	if r := f.do("POST", path+"/layer", `{"rid":"hd"}`, "Content-Type", "application/json"); r.StatusCode != 404 {
		t.Errorf("after the end: %d", r.StatusCode)
	}
}

// Who may not watch may not choose either, and does not learn whether there is a session.
func TestLayerNeedsTheToken(t *testing.T) {
	f, chosen := newChoosing(t, 3, func(cfg *signaling.Config, _ *sessions.Config) {
		cfg.Auth = auth.New(auth.Config{ViewToken: "secret"})
	})
	path, _ := f.created("Authorization", "Bearer secret")
	for _, target := range []string{path, "/whep/cam/unknown"} {
		for _, method := range []string{http.MethodPost, http.MethodDelete} {
			if r := f.do(method, target+"/layer", `{}`, "Content-Type", "application/json"); r.StatusCode != 401 {
				t.Errorf("%s without a token: %d", method, r.StatusCode)
			}
		}
	}
	if len(chosen.list) > 0 {
		t.Errorf("chosen %+v", chosen.list)
	}
	if r := f.do("DELETE", path+"/layer", "", "Authorization", "Bearer secret"); r.StatusCode != 200 {
		t.Errorf("with the token: %d", r.StatusCode)
	}
}

// A session that cannot choose has no such place.
func TestLayerOfOtherSessions(t *testing.T) {
	f, _ := newObservable(t, nil)
	path, _ := f.created()
	if r := f.do("POST", path+"/layer", `{}`, "Content-Type", "application/json"); r.StatusCode != 404 {
		t.Errorf("status %d", r.StatusCode)
	}
}
