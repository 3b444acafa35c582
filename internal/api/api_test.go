package api_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"porthole/internal/api"
	"porthole/internal/auth"
	"porthole/internal/broadcast"
	"porthole/internal/codec"
	"porthole/internal/iceserver"
	"porthole/internal/sessioninfo"
	"porthole/internal/turnserver"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	publishToken = "publish-secret"
	viewToken    = "view-secret"
)

func newHandler(t *testing.T, streams *fakeStreams) (http.Handler, *api.API) {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(api.NewCollector(streams))
	a := api.New(api.Config{
		Streams:    streams,
		Snapshot:   func(info broadcast.StreamInfo) bool { return info.Source == "pattern" },
		ICEServers: func() []iceserver.ServerStatus { return []iceserver.ServerStatus{{URL: "stun:one"}} },
		OwnTURN:    func() *turnserver.Status { return nil },
		Sessions:   fakeSessions(func() []sessioninfo.Brief { return []sessioninfo.Brief{{ID: "known"}} }),
		Auth:       auth.New(auth.Config{PublishToken: publishToken, ViewToken: viewToken}),
		Gatherer:   registry,
		Version:    "test",
	})
	r := chi.NewRouter()
	a.Routes(r)
	return r, a
}

// fakeSessions has one session, which is called "known".
func fakeSessions(list func() []sessioninfo.Brief) api.Sessions {
	return api.Sessions{
		List: list,
		Info: func(id string) (sessioninfo.Session, bool) { return sessioninfo.Session{ID: id}, id == "known" },
		Diagnosis: func(id string) (sessioninfo.Diagnosis, bool) {
			return sessioninfo.Diagnosis{State: sessioninfo.StateConnected}, id == "known"
		},
		Transcript: func(id string, redact bool) (sessioninfo.Transcript, bool) {
			t := sessioninfo.Transcript{Session: id}
			if redact {
				t.Session = "redacted"
			}
			return t, id == "known"
		},
	}
}

func call(h http.Handler, method, target, token string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, nil)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func webcam() broadcast.StreamInfo {
	return broadcast.StreamInfo{
		Name: "webcam", Live: true, State: broadcast.StateLive, Source: "pattern", Viewers: 2,
		Since: time.Date(2026, 11, 21, 9, 15, 0, 123, time.FixedZone("CET", 3600)),
		Tracks: []broadcast.TrackInfo{
			{
				Codec:   codec.Codec{MimeType: "video/H264", ClockRate: 90000, Fmtp: "packetization-mode=1"},
				Bitrate: 2500000, FrameRate: 29.97, Width: 1280, Height: 720,
			},
			{Codec: codec.Codec{MimeType: "audio/opus", ClockRate: 48000, Channels: 2}},
		},
	}
}

func TestStreamsDocument(t *testing.T) {
	h, _ := newHandler(t, &fakeStreams{list: []broadcast.StreamInfo{webcam(), {
		Name: "waiting", State: broadcast.StateWaiting, Viewers: 1, Source: "camera", SourceState: "camera unplugged",
	}}})
	const webcamJSON = `{"name":"webcam","live":true,"state":"live","source":"pattern","viewers":2,"since":"2026-11-21T08:15:00Z",` +
		`"snapshot":true,"tracks":[{"kind":"video","codec":"H264","fmtp":"packetization-mode=1","width":1280,"height":720,"bitrate":2500000,"fps":30},` +
		`{"kind":"audio","codec":"opus"}]}`
	const waitingJSON = `{"name":"waiting","live":false,"state":"waiting","source":"camera","sourceState":"camera unplugged","viewers":1,"tracks":[]}`

	for target, want := range map[string]string{
		"/api/streams":         `{"streams":[` + webcamJSON + `,` + waitingJSON + `],"publishToken":true}`,
		"/api/streams/webcam":  webcamJSON,
		"/api/streams/waiting": waitingJSON,
	} {
		w := call(h, http.MethodGet, target, viewToken)
		if got := strings.TrimSpace(w.Body.String()); w.Code != http.StatusOK || got != want {
			t.Errorf("%s: %d\n got %s\nwant %s", target, w.Code, got, want)
		}
		if got := w.Header().Get("Content-Type"); got != "application/json" {
			t.Errorf("%s: content type %q", target, got)
		}
		if got := w.Header().Get("Access-Control-Allow-Origin"); got != "*" {
			t.Errorf("%s: allowed origin %q, want any", target, got)
		}
	}
}

func TestWarningsAreInTheDocument(t *testing.T) {
	stream := webcam()
	stream.Tracks[0].Warnings = []broadcast.Warning{{Code: broadcast.WarnBFrames, RID: "h"}}
	h, _ := newHandler(t, &fakeStreams{list: []broadcast.StreamInfo{stream}})
	for _, target := range []string{"/api/streams", "/api/streams/webcam"} {
		body := call(h, http.MethodGet, target, viewToken).Body.String()
		if !strings.Contains(body, `"warnings":[{"code":"b_frames","rid":"h","sentence":"The picture jumps`) || !strings.Contains(body, `"ffmpeg":"-bf 0`) {
			t.Errorf("%s: %s", target, body)
		}
	}
}

func TestWarningsAboutACamera(t *testing.T) {
	stream := webcam()
	stream.Source = "camera"
	stream.Tracks[0].Warnings = []broadcast.Warning{{Code: broadcast.WarnBFrames}}
	h, _ := newHandler(t, &fakeStreams{list: []broadcast.StreamInfo{stream}})
	body := call(h, http.MethodGet, "/api/streams/webcam", viewToken).Body.String()
	if !strings.Contains(body, `"obs":"","ffmpeg":"","camera":"codec=raw in its --source`) {
		t.Errorf("got %s", body)
	}
}

func TestNoStreamsIsAnEmptyList(t *testing.T) {
	h, _ := newHandler(t, &fakeStreams{})
	if got := call(h, http.MethodGet, "/api/streams", viewToken).Body.String(); got != "{\"streams\":[],\"publishToken\":true}\n" {
		t.Errorf("got %s", got)
	}
}

func TestWhoMayReadWhat(t *testing.T) {
	h, _ := newHandler(t, &fakeStreams{list: []broadcast.StreamInfo{webcam()}})
	tests := []struct {
		method, target, token string
		want                  int
	}{
		{"GET", "/api/streams", "", 401},
		{"GET", "/api/streams", "wrong", 401},
		{"GET", "/api/streams?token=" + viewToken, "", 200},
		{"GET", "/api/streams/webcam", "", 401},
		{"GET", "/api/streams/nobody", "", 401}, // which streams exist is not told to strangers either
		{"GET", "/api/streams/nobody", viewToken, 404},
		{"GET", "/api/events", "", 401},
		{"GET", "/api/sessions/known", "", 401},
		{"GET", "/api/sessions/known", viewToken, 403},
		{"GET", "/api/sessions/known", publishToken, 200},
		{"GET", "/api/sessions/other", publishToken, 404},
		{"GET", "/api/ice-servers", viewToken, 403},
		{"GET", "/api/ice-servers", publishToken, 200},
		{"GET", "/api/sessions", "", 401},
		{"GET", "/api/sessions", viewToken, 403},
		{"GET", "/api/sessions", publishToken, 200},
		{"GET", "/api/events?sessions", viewToken, 403},
		{"GET", "/api/events?sessions&token=" + viewToken, "", 403},
		{"GET", "/api/sessions/known/transcript", viewToken, 403},
		{"GET", "/api/sessions/known/transcript", publishToken, 200},
		{"GET", "/api/sessions/other/transcript", publishToken, 404},
		{"GET", "/api/sessions/known/diagnosis", "", 401},
		{"GET", "/api/sessions/known/diagnosis", viewToken, 200}, // the page of a viewer asks
		{"GET", "/api/sessions/other/diagnosis", viewToken, 404},
		{"OPTIONS", "/api/sessions/known/diagnosis", "", 204},
		{"HEAD", "/api/streams", viewToken, 200},
		{"OPTIONS", "/api/streams", "", 204}, // a preflight request has no token
		{"OPTIONS", "/api/events", "", 204},
		{"POST", "/api/streams", viewToken, 405},
		{"GET", "/api/time", "", 200}, // no secret
		{"OPTIONS", "/api/time", "", 204},
		{"GET", "/healthz", "", 200},
		{"GET", "/metrics", "", 200},
	}
	for _, tt := range tests {
		w := call(h, tt.method, tt.target, tt.token)
		if w.Code != tt.want {
			t.Errorf("%s %s with token %q: got %d, want %d", tt.method, tt.target, tt.token, w.Code, tt.want)
		}
		if w.Code == 401 && w.Header().Get("WWW-Authenticate") == "" {
			t.Errorf("%s %s: 401 without WWW-Authenticate", tt.method, tt.target)
		}
	}
}

func TestICEServersDocument(t *testing.T) {
	h, _ := newHandler(t, &fakeStreams{})
	got := call(h, http.MethodGet, "/api/ice-servers", publishToken).Body.String()
	if !strings.HasPrefix(got, `{"servers":[{"url":"stun:one",`) || strings.Contains(got, `"own"`) {
		t.Errorf("got %s", got)
	}
}

func TestErrorsAreProblemDocuments(t *testing.T) {
	h, _ := newHandler(t, &fakeStreams{})
	w := call(h, http.MethodGet, "/api/streams/nobody", viewToken)
	var doc struct {
		Type, Title, Detail, Error string
		Status                     int
	}
	if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	if doc.Status != 404 || doc.Title != "Not Found" || doc.Detail == "" || doc.Error != doc.Detail {
		t.Errorf("got %+v", doc)
	}
}

func TestHealthTellsTheEnd(t *testing.T) {
	h, a := newHandler(t, &fakeStreams{})
	if got := call(h, http.MethodGet, "/healthz", "").Body.String(); got != "{\"status\":\"ok\",\"version\":\"test\"}\n" {
		t.Errorf("got %s", got)
	}
	a.Close()
	a.Close()
	if got := call(h, http.MethodGet, "/healthz", "").Code; got != http.StatusServiceUnavailable {
		t.Errorf("got %d after Close, want 503", got)
	}
}

func TestMetricsShowEveryCounter(t *testing.T) {
	streams := &fakeStreams{list: []broadcast.StreamInfo{webcam(), {Name: "waiting"}}, viewers: 3}
	streams.totals = broadcast.Counters{Packets: 11, Bytes: 12, Resent: 13, NACKs: 14, PLIs: 15, Feedbacks: 16, Probes: 17}
	streams.totals.Drops[broadcast.DropLate] = 16
	h, _ := newHandler(t, streams)
	body, _ := io.ReadAll(call(h, http.MethodGet, "/metrics", "").Body)
	for _, line := range []string{
		"porthole_streams 1",
		"porthole_viewers 3",
		"porthole_packets_sent_total 11",
		"porthole_payload_sent_bytes_total 12",
		"porthole_packets_resent_total 13",
		"porthole_nacks_received_total 14",
		"porthole_transport_feedback_received_total 16",
		"porthole_keyframe_requests_received_total 15",
		"porthole_packets_probing_total 17",
		`porthole_viewer_paths{path="narrow"} 2`,
		`porthole_packets_dropped_total{reason="late"} 16`,
		`porthole_packets_dropped_total{reason="overrun"} 0`,
	} {
		if !strings.Contains(string(body), line+"\n") {
			t.Errorf("metrics have no line %q in\n%s", line, body)
		}
	}
}
