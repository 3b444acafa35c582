package signaling_test

import (
	"errors"
	"strings"
	"testing"

	"porthole/internal/negotiate"
	"porthole/internal/peer"
	"porthole/internal/sessions"
	"porthole/internal/signaling"
)

// ICE-02 to ICE-10, WHIP-06: what a PATCH on a session without ICE restart gives.
func TestPatch(t *testing.T) {
	const restart = "a=ice-ufrag:new1\r\na=ice-pwd:newpasswordnewpasswordne\r\n"
	for name, tt := range map[string]struct {
		ifMatch   []string // "etag" stands for the current one; nil: no header
		mediaType string   // typeFragment when empty
		body      string   // a trickle when empty
		lenient   bool
		want      int
		trickled  bool
	}{
		"current tag":                       {ifMatch: []string{"etag"}, want: 204, trickled: true},
		"any, same credentials":             {ifMatch: []string{"*"}, want: 204, trickled: true}, // reader.js
		"any in quotes, same credentials":   {ifMatch: []string{`"*"`}, want: 204, trickled: true},
		"a list that has it":                {ifMatch: []string{`"other", etag`}, want: 204, trickled: true},
		"two header lines":                  {ifMatch: []string{`"other"`, "etag"}, want: 204, trickled: true},
		"type with a parameter":             {ifMatch: []string{"etag"}, mediaType: typeFragment + ";charset=utf-8", want: 204, trickled: true},
		"fragment of medooze":               {ifMatch: []string{"etag"}, body: "medooze", want: 204, trickled: true},
		"missing":                           {want: 204, trickled: true}, // whip-whep, Eyevinn
		"missing, and garbage":              {body: "hello", want: 400},
		"missing, and a restart":            {body: restart, want: 428},
		"missing, and an old candidate":     {body: "a=ice-ufrag:old1\r\n", want: 422},
		"another tag":                       {ifMatch: []string{`"bad"`}, want: 412},
		"another tag, lenient all the same": {ifMatch: []string{`"bad"`}, lenient: true, want: 412},
		"weak tag":                          {ifMatch: []string{"W/etag"}, want: 412},
		"no tag at all":                     {ifMatch: []string{"bad"}, want: 412},
		"empty header":                      {ifMatch: []string{""}, want: 412},
		"another type":                      {ifMatch: []string{"etag"}, mediaType: "text/plain", want: 415},
		"no type":                           {ifMatch: []string{"etag"}, mediaType: " ", want: 415},
		"an offer":                          {ifMatch: []string{"etag"}, mediaType: typeSDP, want: 422},
		"garbage":                           {ifMatch: []string{"etag"}, body: "hello", want: 400},
		"fragment without ufrag":            {ifMatch: []string{"etag"}, body: "m=audio 9 RTP/AVP 0\r\na=mid:0\r\n", want: 400},
		"too large":                         {ifMatch: []string{"etag"}, body: strings.Repeat("a=x\r\n", 1<<16), want: 413},
		"restart that is not supported":     {ifMatch: []string{"*"}, body: restart, want: 422},
		"the other ICE session's candidate": {ifMatch: []string{"*"}, body: "a=ice-ufrag:old1\r\n", want: 422},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, negotiate.Watch, func(c *signaling.Config, _ *sessions.Config) { c.LenientRestart = tt.lenient })
			path, etag := f.created()
			headers := []string{"Content-Type", typeFragment}
			if tt.mediaType != "" {
				headers[1] = strings.TrimSpace(tt.mediaType)
			}
			for _, v := range tt.ifMatch {
				headers = append(headers, "If-Match", strings.ReplaceAll(v, "etag", etag))
			}
			body := tt.body
			switch body {
			case "":
				body = f.fragment()
			case "medooze": // its m= line is a dummy, its lines end in LF
				body = strings.ReplaceAll(strings.ReplaceAll(f.fragment(), "RTP/AVP 0", "UDP/TLS/RTP/SAVPF 0"), "\r\n", "\n")
			}
			r := f.do("PATCH", path, body, headers...)
			if r.StatusCode != tt.want {
				t.Fatalf("status %d, want %d: %s", r.StatusCode, tt.want, r.body)
			}
			if tt.want == 204 && (r.body != "" || r.Header.Get("ETag") != "") {
				t.Errorf("body %q, ETag %q", r.body, r.Header.Get("ETag"))
			}
			if tt.want == 415 && r.Header.Get("Accept-Patch") != typeFragment { // ICE-10
				t.Errorf("Accept-Patch %q", r.Header.Get("Accept-Patch"))
			}
			if got := len(f.last().trickled) > 0; got != tt.trickled {
				t.Errorf("candidates arrived: %v", got)
			}
			if r := f.do("GET", path, ""); r.StatusCode != 200 { // ICE-03, ICE-07: it lives on
				t.Errorf("the session afterwards: status %d", r.StatusCode)
			}
		})
	}
}

// ICE-05, ICE-06
func TestRestart(t *testing.T) {
	f := newFixture(t, negotiate.Watch, nil)
	f.make = func(s *fakeSession) signaling.Session { return restartingSession{fakeSession: s} }
	path, etag := f.created()
	body := fragment("new1", "newpasswordnewpasswordne")
	r := f.do("PATCH", path, body, "Content-Type", typeFragment, "If-Match", `"*"`)
	if r.StatusCode != 200 || r.Header.Get("Content-Type") != typeFragment {
		t.Fatalf("status %d: %s", r.StatusCode, r.body)
	}
	if !strings.Contains(r.body, "a=ice-ufrag:srv2\r\n") || !strings.Contains(r.body, "a=ice-pwd:serverpasswordserverpass\r\n") {
		t.Errorf("fragment %q", r.body)
	}
	tag := r.Header.Get("ETag")
	if !strongTag.MatchString(tag) || tag == etag {
		t.Errorf("ETag %q after %q", tag, etag)
	}
	for _, tt := range []struct {
		name, tag, body string
		want            int
	}{
		{"the old tag", etag, body, 412},
		{"the new tag and the new credentials", tag, body, 204},
		{"any", "*", body, 204},
	} {
		if r := f.do("PATCH", path, tt.body, "Content-Type", typeFragment, "If-Match", tt.tag); r.StatusCode != tt.want {
			t.Errorf("%s: status %d, want %d", tt.name, r.StatusCode, tt.want)
		}
	}
}

// A restart without If-Match is refused before it does anything, unless the operator
// allows it.
func TestRestartWithoutIfMatch(t *testing.T) {
	for _, lenient := range []bool{false, true} {
		f := newFixture(t, negotiate.Watch, func(c *signaling.Config, _ *sessions.Config) { c.LenientRestart = lenient })
		f.make = func(s *fakeSession) signaling.Session { return restartingSession{fakeSession: s} }
		path, etag := f.created()
		want := map[bool]int{false: 428, true: 200}[lenient]
		r := f.do("PATCH", path, fragment("new1", "newpasswordnewpasswordne"), "Content-Type", typeFragment)
		if r.StatusCode != want {
			t.Errorf("lenient %v: status %d, want %d: %s", lenient, r.StatusCode, want, r.body)
		}
		if !lenient {
			if r := f.do("PATCH", path, f.fragment(), "Content-Type", typeFragment, "If-Match", etag); r.StatusCode != 204 {
				t.Errorf("the session afterwards: status %d", r.StatusCode)
			}
		}
	}
}

// ICE-07: a restart that fails changes nothing.
func TestFailedRestart(t *testing.T) {
	f := newFixture(t, negotiate.Watch, nil)
	f.make = func(s *fakeSession) signaling.Session {
		return restartingSession{fakeSession: s, err: errors.New("no")}
	}
	path, etag := f.created()
	r := f.do("PATCH", path, fragment("new1", "newpasswordnewpasswordne"), "Content-Type", typeFragment, "If-Match", "*")
	if r.StatusCode != 500 {
		t.Errorf("restart: status %d", r.StatusCode)
	}
	if r := f.do("PATCH", path, f.fragment(), "Content-Type", typeFragment, "If-Match", etag); r.StatusCode != 204 {
		t.Errorf("trickle with the old credentials: status %d", r.StatusCode)
	}
}

func TestTrickleErrors(t *testing.T) {
	for name, tt := range map[string]struct {
		err  error
		want int
	}{
		"the session has just ended":         {peer.ErrRemoteClosed, 404},
		"the connection cannot be restarted": {peer.ErrICERestart, 422},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, negotiate.Watch, nil)
			f.setup = func(s *fakeSession) { s.trickle = tt.err }
			path, etag := f.created()
			if r := f.do("PATCH", path, f.fragment(), "Content-Type", typeFragment, "If-Match", etag); r.StatusCode != tt.want {
				t.Errorf("status %d", r.StatusCode)
			}
		})
	}
}
