package signaling_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"porthole/internal/diagnosis"
	"porthole/internal/negotiate"
	"porthole/internal/peer"
	"porthole/internal/sessioninfo"
	"porthole/internal/signaling"
)

// idOf returns the id at the end of a session's path.
func idOf(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }

func TestTranscriptHoldsNoSecrets(t *testing.T) {
	f := newFixture(t, negotiate.Watch, func(cfg *signaling.Config, _ *signaling.TableConfig) {
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

	text = marshal(t, signaling.Redact(whole))
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

func TestRedactKeepsTellingAddressesApart(t *testing.T) {
	transcript := sessioninfo.Transcript{Session: "abc", Client: "203.0.113.9", Exchanges: []sessioninfo.Exchange{{
		Path: "/whep/cam/abc/events/feedsecret",
		Request: sessioninfo.Message{Body: "o=- 1 2 IN IP4 192.168.1.20\r\nc=IN IP4 0.0.0.0\r\n" +
			"a=candidate:1 1 udp 99 192.168.1.20 5000 typ host\r\n" +
			"a=candidate:2 1 udp 98 203.0.113.9 5001 typ srflx raddr 192.168.1.20 rport 5000\r\n" +
			"a=candidate:3 1 udp 97 0a1b.local 5002 typ host\r\n" +
			"a=candidate:4 1 udp 96 2001:db8::1 5003 typ host\r\n"},
		Response: sessioninfo.Message{Headers: map[string][]string{
			"Location": {"/whep/cam/abc/events/feedsecret"},
			"Link":     {"<turn:[2001:db8::2]:3478>; rel=\"ice-server\"; username=\"u\"; credential=\"REDACTED\""},
		}},
	}}}
	x := signaling.Redact(transcript).Exchanges[0]
	want := "o=- 1 2 IN IP4 PRIVATE-2\r\nc=IN IP4 0.0.0.0\r\n" +
		"a=candidate:1 1 udp 99 PRIVATE-2 5000 typ host\r\n" +
		"a=candidate:2 1 udp 98 PUBLIC-1 5001 typ srflx raddr PRIVATE-2 rport 5000\r\n" +
		"a=candidate:3 1 udp 97 NAME-3 5002 typ host\r\n" +
		"a=candidate:4 1 udp 96 PUBLIC6-4 5003 typ host\r\n"
	if x.Request.Body != want {
		t.Errorf("got %q\nwant %q", x.Request.Body, want)
	}
	if x.Path != "/whep/cam/SESSION/events/FEED" || x.Response.Headers["Location"][0] != x.Path {
		t.Errorf("path %q, location %q", x.Path, x.Response.Headers["Location"])
	}
	if got := x.Response.Headers["Link"][0]; strings.Contains(got, "2001") || strings.Contains(got, `"u"`) {
		t.Errorf("link %q", got)
	}
	if strings.Contains(transcript.Exchanges[0].Path, "SESSION") {
		t.Error("the original was changed")
	}
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
			f := newFixture(t, negotiate.Watch, func(cfg *signaling.Config, _ *signaling.TableConfig) {
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

// The line at the end of a session tells what was the matter with it, once.
func TestDiagnosisIsLogged(t *testing.T) {
	var log bytes.Buffer
	table := signaling.NewTable(signaling.TableConfig{Log: slog.New(slog.NewTextHandler(&log, nil))})
	signaling.StartForTest(table, deadSession(&fakeSession{
		closed: make(chan struct{}), serve: func() error { return peer.ErrICETimeout },
	}))
	if err := table.Close(t.Context()); err != nil { // waits for the line
		t.Fatal(err)
	}
	if got := strings.Count(log.String(), `code=no_addresses diagnosis="the client offered no addresses`); got != 1 {
		t.Errorf("told %d times in %s", got, log.String())
	}
}

// verdicts returns what the table has counted, by code.
func verdicts(t *testing.T, table *signaling.Table) map[string]float64 {
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

func TestSessionsAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := signaling.NewTable(signaling.TableConfig{})
		end := func(n int) (ids []string) {
			for range n {
				ids = append(ids, signaling.StartForTest(table, deadSession(&fakeSession{
					closed: make(chan struct{}), serve: func() error { return peer.ErrICETimeout },
				})))
				synctest.Wait()
			}
			return ids
		}
		known := func(id string) bool { _, ok := table.Info(id); return ok }

		old := end(1)[0]
		time.Sleep(9 * time.Minute)
		if !known(old) {
			t.Error("forgotten after 9 minutes")
		}
		time.Sleep(time.Minute)
		if known(old) || len(table.Sessions()) != 0 {
			t.Error("remembered for longer than 10 minutes")
		}
		ids := end(300)
		if known(ids[43]) || !known(ids[44]) || !known(ids[299]) {
			t.Error("want the newest 256 of 300")
		}
		list := table.Sessions()
		if len(list) != 256 || list[0].ID != ids[299] {
			t.Errorf("got %d sessions, the first is not the newest", len(list))
		}
		if err := table.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
