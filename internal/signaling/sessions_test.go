package signaling_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"porthole/internal/diagnosis"
	"porthole/internal/negotiate"
	"porthole/internal/peer"
	"porthole/internal/sessioninfo"
	"porthole/internal/sessions"
	"porthole/internal/signaling"
)

// idOf returns the id at the end of a session's path.
func idOf(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }

func TestTranscriptHoldsNoSecrets(t *testing.T) {
	f := newFixture(t, negotiate.Watch, func(cfg *signaling.Config, _ *sessions.Config) {
		cfg.ICEServers = func(signaling.ICERequest) []signaling.ICEServer {
			return []signaling.ICEServer{{
				URL: "turn:relay.example.org:3478?transport=udp", Username: "1700000000:bob", Credential: `very"secret`,
			}}
		}
	})
	path, etag := f.created("Authorization", "Bearer view-secret", "User-Agent", "test/1")
	f.do("PATCH", path+"?token=view-secret", f.fragment(), "Content-Type", typeFragment, "If-Match", etag)
	f.do("PATCH", path, fragment("new1", "newpasswordnewpasswordne"), "Content-Type", typeFragment) // no If-Match: 428
	f.do("DELETE", path, "")

	var whole sessioninfo.Transcript
	waitFor(t, "the last exchange", func() bool { // which is noted when its answer is out
		whole, _ = f.table.Transcript(idOf(path))
		return len(whole.Exchanges) == 4
	})
	var got []string
	for _, x := range whole.Exchanges {
		got = append(got, fmt.Sprintf("%s %d", x.Method, x.Status))
	}
	if want := "POST 201,PATCH 204,PATCH 428,DELETE 200"; strings.Join(got, ",") != want {
		t.Fatalf("got %q, want %s", got, want)
	}
	first := whole.Exchanges[0]
	if first.Request.Headers["User-Agent"][0] != "test/1" || !strings.Contains(first.Request.Body, "a=ice-ufrag:") ||
		!strings.Contains(first.Response.Body, "answer") || first.Response.Headers["Location"][0] != path {
		t.Errorf("the first exchange is not told: %+v", first)
	}
	_, pwd := f.credentials()
	text := marshal(t, whole)
	for _, secret := range []string{"view-secret", `very\"secret`, "very", "Authorization", pwd, "newpassword"} {
		if strings.Contains(text, secret) {
			t.Errorf("the transcript holds %q: %s", secret, text)
		}
	}
	if !strings.Contains(text, "bob") {
		t.Error("the whole transcript leaves out a name")
	}

	text = marshal(t, sessions.Redact(whole))
	for _, private := range []string{idOf(path), "bob", "relay.example.org", "127.0.0.1", "sha-256 2"} {
		if strings.Contains(text, private) {
			t.Errorf("the redacted transcript holds %q: %s", private, text)
		}
	}
	for _, told := range []string{"LOOPBACK-1", "turn:HOST:3478", "a=fingerprint:sha-256 REDACTED", "/whep/cam/SESSION"} {
		if !strings.Contains(text, told) {
			t.Errorf("the redacted transcript does not say %q: %s", told, text)
		}
	}
}

func marshal(t *testing.T, value any) string {
	t.Helper()
	b, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestTranscriptIsBounded(t *testing.T) {
	f := newFixture(t, negotiate.Watch, nil)
	path, etag := f.created()
	for range 80 {
		f.do("PATCH", path, f.fragment(), "Content-Type", typeFragment, "If-Match", etag)
	}
	waitFor(t, "64 exchanges and 17 omitted", func() bool { // 81 were made
		transcript, _ := f.table.Transcript(idOf(path))
		return len(transcript.Exchanges) == 64 && transcript.Omitted == 17
	})
}

// deadSession ends at once, as if ICE had found no path after some time.
func deadSession(s *fakeSession) signaling.Session {
	return toldSession{fakeSession: s, info: sessioninfo.Connection{
		Role: "viewer", State: sessioninfo.StateClosed, End: "ice_timeout", Reason: peer.ErrICETimeout.Error(),
		Answered: time.Now().Add(-15 * time.Second), Timeline: []sessioninfo.Event{{At: time.Now(), Event: "closed"}},
		Local: []sessioninfo.Candidate{{Type: "host", Protocol: "udp", Address: "192.168.1.5:8081"}},
	}}
}

type toldSession struct {
	*fakeSession
	info sessioninfo.Connection
}

func (s toldSession) Detail() sessioninfo.Detail {
	return sessioninfo.Detail{State: s.info.State, Peer: s.info}
}

// Only a relay that is elsewhere can help where this server is out of reach.
func TestRelaysElsewhere(t *testing.T) {
	for url, want := range map[string]diagnosis.Code{
		"turn:relay.example.org:3478?transport=udp": diagnosis.RelayUnused,
		"turns:198.51.100.9:5349?transport=tcp":     diagnosis.RelayUnused,
		"stun:relay.example.org:3478":               diagnosis.UDPBlocked,
		"turn:127.0.0.1:3478?transport=udp":         diagnosis.UDPBlocked, // where the request went
		"turn:[fd00::5]:3478?transport=udp":         diagnosis.UDPBlocked, // likewise, by another address
	} {
		t.Run(url, func(t *testing.T) {
			f := newFixture(t, negotiate.Watch, func(cfg *signaling.Config, _ *sessions.Config) {
				cfg.ICEServers = func(signaling.ICERequest) []signaling.ICEServer {
					return []signaling.ICEServer{{URL: url, Username: "u", Credential: "c"}}
				}
			})
			f.make = func(s *fakeSession) signaling.Session {
				told := deadSession(s).(toldSession)
				told.info.Local[0].Address = "127.0.0.1:8081" // the offer is of the same machine
				return told
			}
			path, _ := f.created()
			waitFor(t, "the end", func() bool { d, _ := f.table.Diagnosis(idOf(path)); return d.State == sessioninfo.StateClosed })
			if d, _ := f.table.Diagnosis(idOf(path)); d.Code != want {
				t.Errorf("got %s: %s", d.Code, d.Diagnosis)
			}
		})
	}
}

func TestEndedSessionsAreRemembered(t *testing.T) {
	f := newFixture(t, negotiate.Watch, nil)
	f.make = deadSession
	release := make(chan struct{})
	f.setup = func(s *fakeSession) { s.serve = func() error { <-release; return peer.ErrICETimeout } }
	path, _ := f.created()
	waitFor(t, "the transcript", func() bool {
		transcript, _ := f.table.Transcript(idOf(path))
		return len(transcript.Exchanges) == 1
	})
	close(release)
	var info sessioninfo.Session
	waitFor(t, "the end", func() bool {
		info, _ = f.table.Info(idOf(path))
		return !info.Ended.IsZero()
	})
	// The offer of the fixture has candidates on loopback only.
	if info.Code != diagnosis.LocalAddress || info.Diagnosis == "" || info.Client != "127.0.0.1" {
		t.Errorf("got %+v", info)
	}
	d, ok := f.table.Diagnosis(idOf(path))
	if !ok || d.State != sessioninfo.StateClosed || d.Code != info.Code || d.Diagnosis != info.Diagnosis {
		t.Errorf("got %+v", d)
	}
	list := f.table.Sessions()
	if len(list) != 1 || list[0].ID != info.ID || list[0].Reason != peer.ErrICETimeout.Error() || list[0].Diagnosis != info.Diagnosis {
		t.Errorf("got %+v", list)
	}
	if counted := verdicts(t, f.table); counted["local_address"] != 1 || len(counted) != len(diagnosis.Codes()) {
		t.Errorf("counted %v", counted)
	}
	// It is no resource any more.
	if got := f.do("DELETE", path, "").StatusCode; got != 404 {
		t.Errorf("DELETE: status %d", got)
	}
	if _, ok := f.table.Diagnosis("unknown"); ok {
		t.Error("an unknown session has a diagnosis")
	}
}

// verdicts returns what the table has counted, by code.
func verdicts(t *testing.T, table *sessions.Table) map[string]float64 {
	t.Helper()
	registry := prometheus.NewRegistry()
	registry.MustRegister(table.Metrics())
	families, err := registry.Gather()
	if err != nil || len(families) != 1 {
		t.Fatalf("%d families, %v", len(families), err)
	}
	counted := make(map[string]float64)
	for _, m := range families[0].GetMetric() {
		counted[m.GetLabel()[0].GetValue()] = m.GetCounter().GetValue()
	}
	return counted
}
